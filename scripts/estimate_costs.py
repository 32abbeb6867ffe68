# SPDX-License-Identifier: BSD-2-Clause
"""Synthesise small sizes of the rooms that a language model's core is made of; save gen/estimate/costs.json.

``gatewright estimate`` fits each room's cost to these rows. Nothing is placed. Rows that are known already come
from the cache of ``gatewright bench``.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gatewright
from gatewright.gen.bench.measure import count
from gatewright.gen.cards import read_costs
from gatewright.gen.design import design_of
from gatewright.gen.flow.cells import Fabric
from gatewright.gen.flow.synth import SynthOptions
from gatewright.gen.presets import load_design

FAMILIES: tuple[Fabric, ...] = ("ecp5", "xilinx", "ice40", "gowin")
ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "gen" / "estimate" / "costs.json"
NORM = {
    "in_bits": 16, "out_bits": 8, "weight_bits": 12, "weight_fraction": 4, "guard_bits": 4, "elements": 128,
}  # fmt: skip
RESCALE = {"acc_bits": 18, "shift_min": 16, "scope": "channel"}
GATED = {
    "method": "symmetry", "in_bits": 10, "in_fraction": 6, "middle_bits": 16, "middle_fraction": 12, "u_bits": 10,
    "shift": 10, "rounding": "half_up", "out_bits": 16,
}  # fmt: skip
ATTEND = {"kv_heads": 1, "layers": 2, "context": 128, "score_bits": 12, "probability_bits": 12}
# Logic of the serial core hardly grows with the model.
SERIAL = load_design("kjv-mqa").config.core.model_dump(exclude_defaults=True)
# Two sizes of each room or more, as many as its cost has parts.
CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("norm", NORM | {"lanes": lanes}) for lanes in (1, 2)),
    *(("norm", NORM | {"lanes": lanes, "output": "dynamic"}) for lanes in (1, 2)),
    *(("requantise", RESCALE | {"lanes": lanes, "out_bits": 16, "contract": "half_up", "shift_bits": 4})
      for lanes in (1, 2)),
    *(("dequantise", RESCALE | {"lanes": lanes, "out_bits": 16, "scale_bits": 24, "rounding": "half_up",
                                "multiplier_bits": 16, "shift_bits": 6}) for lanes in (1, 2)),
    *(("gated", GATED | {"function": function, "lanes": lanes})
      for function, lanes in (("relu2", 1), ("relu2", 2), ("silu", 2))),
    *(("argmax", {"lanes": lanes, "elements": 64, "in_bits": 18}) for lanes in (1, 4)),
    *(("rope", {"lanes": lanes, "head_dim": 16, "context": 128, "shift": 2}) for lanes in (2, 4)),
    *(("kv_attention", ATTEND | sizes) for sizes in (
        {"heads": 1, "head_dim": 8, "lanes": 4, "parallel": 1}, {"heads": 2, "head_dim": 8, "lanes": 4, "parallel": 2},
        {"heads": 1, "head_dim": 16, "lanes": 4, "parallel": 1}, {"heads": 1, "head_dim": 8, "lanes": 8, "parallel": 1},
        {"heads": 1, "head_dim": 8, "lanes": 4, "parallel": 1, "logic_products": 8},
    )),
    *(("mlgru", {"lanes": lanes, "elements": 64, "layers": 4, "state_shift": 2}) for lanes in (1, 2)),
    ("lm_serial", SERIAL),
    ("flash_boot", {}),
    *(("trit_decode", {"packing": packing, "groups": 4}) for packing in ("base3_g5", "base3_g4", "two_bit")),
)  # fmt: skip
SMALL_PARTS = ("lm_serial", "flash_boot")
LINK = ("uart_rx", "uart_tx", "frame_decode", "frame_encode", "command_port")  # rows of `gatewright bench rooms`
TARGETS: dict[str, Fabric] = {"ecp5-85f": "ecp5", "ice40-up5k": "ice40"}


def options(family: Fabric, room: str = "") -> SynthOptions:
    """Give the options of `map_ternary_lm`, or of `map_small_lm` for its rooms."""
    ecp5, spram = family == "ecp5", family == "ice40" and room in SMALL_PARTS
    return SynthOptions(rw_check=False, carry_luts=ecp5, wide_luts=not ecp5, spram=spram)


def link() -> list[dict[str, Any]]:
    """Give the rows of the serial line's rooms, which are measured already."""
    known = read_costs(ROOT / "scripts" / "results" / "rooms.json")
    return [
        {"family": TARGETS[row["target"]], "room": room, "luts": row["luteq"], "ff": row["ff"], "dsp": row["dsp"],
         "block_rams": row["bram"]}
        for room in LINK for row in known[room]
    ]  # fmt: skip


def main() -> int:
    """Measure all cases for the families and rooms named on the command line, or for all."""
    known = [*FAMILIES, *dict.fromkeys(room for room, _ in CASES)]
    wrong = [name for name in sys.argv[1:] if name not in known]
    if wrong:
        print(f"family or room must be one of {', '.join(known)}, not {wrong[0]!r}", file=sys.stderr)
        return 2
    named = set(sys.argv[1:])
    families = [family for family in FAMILIES if family in named or not named & set(FAMILIES)]
    cases = [case for case in CASES if case[0] in named or not named - set(FAMILIES)]
    rows = []
    for family in families:
        for room, parameters in cases:
            if family == "xilinx" and room in SMALL_PARTS:  # projected devices get the engine
                continue
            with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
                cost = count(design_of(room, **parameters), family, options(family, room), Path(folder))
            luts = cost.lut_equivalent if cost.lut_equivalent is not None else cost.lut4
            row = {
                "family": family, "room": room, "parameters": parameters, "luts": luts, "ff": cost.ff, "dsp": cost.dsp,
                "block_rams": cost.bram,
            }  # fmt: skip
            print(json.dumps(row), flush=True)
            rows.append(row)
            save(rows)  # so that a run that is broken off leaves what it has
    return 0


def save(rows: list[dict[str, Any]]) -> None:
    """Put rows into the table in place of those of the same sizes."""
    known = json.loads(TABLE.read_text())["rows"] if TABLE.exists() else []
    fresh = {_key(row) for row in rows}
    outcome = {
        "command": "python scripts/estimate_costs.py",
        "tools": {"gatewright": gatewright.__version__, "pyosys": version("pyosys")},
        "flags": {family: options(family).flags(family) for family in FAMILIES}
        | {"ice40, small parts": options("ice40", SMALL_PARTS[0]).flags("ice40")},
        "link": link(),
        "rows": sorted([row for row in known if _key(row) not in fresh] + rows, key=_key),
    }
    TABLE.write_text(json.dumps(outcome, indent=1) + "\n")


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["family"], row["room"], json.dumps(row["parameters"], sort_keys=True)


if __name__ == "__main__":
    sys.exit(main())
