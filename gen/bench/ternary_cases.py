# SPDX-License-Identifier: BSD-2-Clause
"""What ``bench ternary`` measures: ways to meet ternary weights, at small sizes and at TeLLMe's, by family."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.fpga_boards.board import Part
from gatewright.fpga_boards.parts import ECP5_85F, GW2AR_18C, ICE40_HX8K
from gatewright.gen.flow.cells import Fabric
from gatewright.gen.flow.synth import SynthOptions

# UltraScale+ has no part: no open program places it.
PARTS: Mapping[Fabric, Part | None] = {"ecp5": ECP5_85F, "gowin": GW2AR_18C, "ice40": ICE40_HX8K, "xilinx": None}
PLAIN = SynthOptions()
# What the engine allows: it never reads a kept sum in the cycle in which it is written. UltraScale+ has
# neither option, and its wide multiplexers take no LUT.
LEAN = SynthOptions(wide_luts=False, rw_check=False, carry_luts=True)
TUNED: Mapping[Fabric, SynthOptions] = {"ecp5": LEAN, "gowin": LEAN, "ice40": LEAN, "xilinx": PLAIN}
BASELINE = "select"

# A method's parameters; ``group`` is what suits it best at 8 bits.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "select": {"method": "select", "group": 3},
    "fold": {"method": "fold", "group": 6},
    "half": {"method": "half", "group": 3},
    "full": {"method": "full", "group": 3},
    "bitplane": {"method": "bitplane", "group": 4},
    "half, group 4": {"method": "half", "group": 4},
    "half, block RAM": {"method": "half", "group": 5, "storage": "block"},
    "half, registers": {"method": "half", "group": 3, "storage": "registers"},
    "half, 2 vectors": {"method": "half", "group": 3, "vectors": 2},
}
ROOM_OF: Mapping[str, str] = {"adder graph": "adder_graph"}  # ways of other rooms than tlmm

_NO_RAM = ("select", "fold", "half, registers", "half, block RAM", "adder graph")  # iCE40's memories are block RAMs
_ALL = (*(way for way in WAYS if way != "half, group 4"), "adder graph")  # too deep for LUT RAM
SMALL: Mapping[Fabric, tuple[str, ...]] = {
    "ecp5": _ALL,
    "gowin": ("select", "fold", "half", "full", "bitplane", "half, block RAM", "adder graph"),
    "ice40": _NO_RAM,
    # Yosys gives UltraScale+ such short tables LUTs whatever the hint.
    "xilinx": ("select", "fold", "half", "full", "bitplane", "half, group 4", "adder graph"),
}
TELLME_WAYS = ("select", "half", "full")  # those that TeLLMe compares
SMALL_TERMS, TELLME_TERMS = 24, 84
RATES = (4, 8, 16, 32, 64)  # outputs a cycle at TeLLMe's size


@dataclass(frozen=True, kw_only=True)
class Case:
    """One design to measure.

    Attributes
    ----------
    point : str
        Size; designs of a point stand in one table.
    way : str
        Key of `WAYS`.
    options : SynthOptions
        Flags of synthesis.
    quick : bool
        Whether a quick run has it.
    """

    point: str
    way: str
    fabric: Fabric
    parameters: Mapping[str, Any]
    options: SynthOptions
    quick: bool = True

    @property
    def room(self) -> str:
        """The room that it is a design of."""
        return ROOM_OF.get(self.way, "tlmm")

    @property
    def title(self) -> str:
        """What progress shows."""
        return f"{self.point}: {self.way} on {self.fabric}"


def cases(quick: bool = False, most: int = RATES[-1]) -> list[Case]:
    """List what is measured, up to ``most`` outputs a cycle."""
    return [case for case in (*_small(), *_tellme(most)) if case.quick or not quick]


def point(terms: int, outputs: int) -> str:
    """Name a size."""
    return f"{terms} activations, {outputs} outputs a cycle"


def _case(
    fabric: Fabric, way: str, terms: int, outputs: int, options: SynthOptions | None = None, quick: bool = True
) -> Case:
    if way == "adder graph":  # a constant matrix: all of its weights meet activations in a cycle
        weights = tuple(random.Random(terms * outputs).choices((-1, 0, 1), k=terms * outputs))
        parameters: dict[str, Any] = {"input_count": terms, "output_count": outputs, "weights": weights}
    else:
        groups = -(-terms // WAYS[way]["group"])
        parameters = {**WAYS[way], "groups": groups, "outputs_per_cycle": outputs}
    return Case(
        point=point(terms, outputs), way=way, fabric=fabric, parameters=parameters,
        options=options or TUNED[fabric], quick=quick,
    )  # fmt: skip


def _small() -> Iterator[Case]:
    for outputs in (4, 16):
        for fabric, ways in SMALL.items():
            for way in ways:
                yield _case(fabric, way, SMALL_TERMS, outputs)
        for way in ("select", "half"):
            yield _case("ecp5", way, SMALL_TERMS, outputs, PLAIN)


def _tellme(most: int) -> Iterator[Case]:
    for outputs in (rate for rate in RATES if rate <= most):
        # At 64 outputs a cycle no ECP5 holds `select`, so that there is nothing to compare with.
        fabrics: tuple[Fabric, ...] = ("xilinx",) if outputs == 64 else ("xilinx", "ecp5")
        for fabric in fabrics:
            for way in TELLME_WAYS:
                yield _case(fabric, way, TELLME_TERMS, outputs, quick=outputs == 4)
        if outputs == 16:
            for way in ("fold", "bitplane", "half, group 4"):
                yield _case("xilinx", way, TELLME_TERMS, outputs, quick=False)
            for way in ("fold", "bitplane", "half, block RAM"):
                yield _case("ecp5", way, TELLME_TERMS, outputs, quick=False)
        if outputs == 4:
            for way in ("half", "fold"):
                yield _case("gowin", way, TELLME_TERMS, outputs, quick=False)
            yield _case("ice40", "fold", TELLME_TERMS, outputs, quick=False)
