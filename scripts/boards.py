#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build presets for boards that take long, and save each report in scripts/results.

Each is synthesised, its netlist simulated beside the RTL and asked through its UART pins, placed and routed.
Placement must reach 60 MHz for ternary-linear on the ULX3S, though the board's oscillator gives 25; kjv-transformer
asks for 50 there, from a PLL.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.board import build_design
from gatewright.gen.estimate.models import shapes
from gatewright.gen.files import write_file
from gatewright.gen.flow.place import USUAL, Algorithms
from gatewright.gen.presets import load_design
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_serial.config import LmSerialConfig

WORK: dict[tuple[str, str], float | None] = {
    ("ternary-linear", "ulx3s-85f"): 60.0,
    ("ternary-linear", "icebreaker"): None,
    ("ternary-linear", "tang-nano-9k"): None,
    ("moe-vit-digits", "ulx3s-85f"): None,
    ("kjv-transformer", "ulx3s-85f"): None,
    ("kjv-mqa", "icebreaker"): None,
}  # by preset and board, the clock rate that placement must reach in MHz, if above the board's
CROWDED = {("moe-vit-digits", "ulx3s-85f"): Algorithms(router="router2")}  # the usual router is slow to settle there
CONTEXT, PROMPT = 128, 64  # tokens
TRITS = {"bitnet-kv260": 2.08e9, "TeLLMe v2": 0.73e9}  # ternary weights that a token meets there
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Build what the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=sorted({name for name, _ in WORK}), help="presets to build")
    parser.add_argument("--board", help="only for this board")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for all outputs")
    chosen = parser.parse_args()
    for (preset, board), mhz in WORK.items():
        if preset in chosen.presets and chosen.board in (None, board):
            build(preset, board, mhz, chosen.out)


def build(preset: str, board: str, mhz: float | None, out: Path) -> None:
    """Build, and save the report with what the accelerator does in its cycles."""
    design = load_design(preset, board)
    core = design.config.core
    result = build_design(
        design, find_board(board), out / preset / board, announce=lambda step: print(step, flush=True), mhz=mhz,
        how=CROWDED.get((preset, board), USUAL),
    )  # fmt: skip
    cycles = result.report["netlist_check"]["cycles_per_input"]
    (clock,) = result.report["timing"]
    own = design.config.clock_hz  # the board's; placement may have been asked for more
    work = {
        "multiplications": core.macs, "cycles_per_run": core.run_cycles,
        "macs_per_cycle": round(core.macs / core.run_cycles, 2), "macs_per_cycle_at_most": core.macs_per_cycle,
        **rates(core, cycles, own, clock["achieved_mhz"] * 1e6), **booting(design.config),
    }  # fmt: skip
    if "tokens_per_second" in work:
        luts = next(row["used"] for row in result.report["utilisation"] if row["resource"] == "LUT")
        work["ternary_gmacs_per_second_and_klut"] = effective(work["tokens_per_second"], core.macs, luts)
    path = RESULTS / f"{preset}_{board}.json".replace("-", "_")
    write_file(path, json.dumps(work | result.report, indent=2) + "\n")
    print(f"wrote {path.name}")


def effective(rate: float, trits: float, luts: int) -> dict[str, float]:
    """Give the ternary multiplications of a second, in 1e9, by thousand LUTs: ours, and what others published."""
    found = {"this build": (rate, trits, luts)}
    for each in (each for subject in shapes().values() for each in subject.published if each.name in TRITS):
        found[f"{each.name}, decode"] = (each.decode, TRITS[each.name], each.luts)
        found[f"{each.name}, prefill"] = (each.prefill, TRITS[each.name], each.luts)
    return {name: round(each * weights / 1e9 / (sites / 1e3), 4) for name, (each, weights, sites) in found.items()}


def booting(config: Any) -> dict[str, float]:
    """Give what a design that reads its flash holds, and how long it takes to read it; nothing of others."""
    if not config.boot_cycles:
        return {}
    core = config.core
    return {
        "memory_words": core.memory.first + core.memory.words, "words_from_flash": core.image_words,
        "milliseconds_to_boot": round(1e3 * config.boot_cycles / config.clock_hz, 1),
    }  # fmt: skip


def rates(core: Any, cycles: int, own: float, most: float) -> dict[str, float]:
    """Give runs per second, or tokens per second of a language model, at the board's clock and at the greatest."""
    if not isinstance(core, LmCoreConfig | LmSerialConfig):
        return {"runs_per_second": round(own / cycles, 1), "runs_per_second_at_most": round(most / cycles, 1)}
    context = min(CONTEXT, core.context // 2)
    token, prompt = core.token_cycles(context), core.timing.run(range(PROMPT), [False] * (PROMPT - 1) + [True])
    return {
        f"cycles_per_token_at_{context}": token, "tokens_per_second": round(own / token, 1),
        "tokens_per_second_at_most": round(most / token, 1), f"cycles_to_first_token_after_{PROMPT}": prompt,
        "milliseconds_to_first_token": round(1e3 * prompt / own, 3),
        "milliseconds_to_first_token_at_least": round(1e3 * prompt / most, 3),
    }  # fmt: skip


if __name__ == "__main__":
    main()
