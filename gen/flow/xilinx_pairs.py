# SPDX-License-Identifier: BSD-2-Clause
"""Count the LUTs that UltraScale+ needs half as many of as Yosys lists.

A LUT6 has two outputs: the second is a function of five of its inputs. In front of a carry, the first
output feeds the propagate input and the second the generate input. Yosys maps either function to a LUT
of its own, a placer puts both into one where their inputs allow it.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

_INPUTS = 5  # that two functions in one LUT6 may have in all


def shared_luts(netlist: Mapping[str, Any]) -> int:
    """Count pairs of LUTs that feed the same bit of a carry, and nothing else, and fit one LUT6 together."""
    return sum(_shared(module) for module in netlist["modules"].values())


def _shared(module: Mapping[str, Any]) -> int:
    cells = module["cells"].values()
    uses = Counter(bit for cell in cells for port, bits in cell["connections"].items() if not _drives(cell, port)
                   for bit in bits)  # fmt: skip
    uses.update(bit for port in module["ports"].values() if port["direction"] != "input" for bit in port["bits"])
    luts = {
        cell["connections"]["O"][0]: {bit for port, (bit,) in cell["connections"].items() if port != "O"}
        for cell in cells
        if cell["type"] in ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5")
    }
    found = 0
    for cell in cells:
        if cell["type"] != "CARRY4":
            continue
        for propagate, generate in zip(cell["connections"]["S"], cell["connections"]["DI"], strict=True):
            if propagate not in luts or generate not in luts or uses[propagate] != 1:
                continue
            # The one function may have been made from the other: then it moves in with all of its inputs.
            own = luts[propagate] - {generate}
            alone = uses[generate] == 1 + (generate in luts[propagate])
            found += alone and len(own | luts[generate]) <= _INPUTS
    return found


def _drives(cell: Mapping[str, Any], port: str) -> bool:
    return bool(cell["port_directions"][port] == "output")
