#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build the preset ternary-linear for boards and save each report in scripts/results.

Each is synthesised, its netlist simulated beside the RTL and asked through its UART pins, placed and routed.
The ULX3S takes long: its placement must meet 60 MHz, though the board's oscillator gives 25.
"""

import argparse
import json
from pathlib import Path

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.board import build_design
from gatewright.gen.files import write_file
from gatewright.gen.presets import load_design

PRESET = "ternary-linear"
MHZ = {"ulx3s-85f": 60.0, "icebreaker": None, "tang-nano-9k": None}
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Build for the boards that the command line names, or for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("boards", nargs="*", default=list(MHZ), help="boards to build for")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for all outputs")
    chosen = parser.parse_args()
    for board in chosen.boards:
        design = load_design(PRESET, board)
        core = design.config.core
        result = build_design(
            design, find_board(board), chosen.out / PRESET / board, announce=lambda step: print(step, flush=True),
            mhz=MHZ[board],
        )  # fmt: skip
        work = {
            "weights": core.macs, "cycles_per_run": core.run_cycles,
            "macs_per_cycle": round(core.macs / core.run_cycles, 2), "macs_per_cycle_at_most": core.macs_per_cycle,
        }  # fmt: skip
        path = RESULTS / f"ternary_linear_{board.replace('-', '_')}.json"
        write_file(path, json.dumps(work | result.report, indent=2) + "\n")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
