# SPDX-License-Identifier: BSD-2-Clause
"""The demonstration: a real model, generated, proved, placed on three FPGA families, and asked to read."""

import argparse
import os
import sys
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.registry import boards, find_board
from gatewright.gen.board import build_design
from gatewright.gen.commands.hardware import show_check
from gatewright.gen.commands.models import show_verdict
from gatewright.gen.console import console, errors, progress, show_table
from gatewright.gen.design import Design
from gatewright.gen.presets import load_design
from gatewright.gen.run import Verdict, classify, simulate, task_of
from gatewright.hw.core.errors import GatewrightError

PRESET = "mlp-digits"


def build_for(board: str, out: Path) -> dict[str, Any]:
    """Build the preset for a board; runs in a process of its own."""
    result = build_design(load_design(PRESET, board), find_board(board), out / PRESET / board)
    return result.report | {"bitstream": str(result.bitstream), "picture": str(result.picture[0])}


def judge(board: str, out: Path) -> Verdict:
    """Run all held-out inputs through the RTL as configured for a board."""
    design = load_design(PRESET, board)
    task = task_of(design)
    return classify(design, task, simulate(design, out / PRESET / f"{board}-rtl"), len(task.codes))


def run(out: Path) -> int:
    """Do it all; give the exit status."""
    names = list(boards())
    console.print(f"{PRESET}: all held-out images on the RTL of {len(names)} boards, and their bitstreams")
    with (
        ProcessPoolExecutor(max_workers=os.cpu_count()) as pool,
        progress("simulate and build", 2 * len(names)) as steps,
    ):
        jobs: dict[Future[Any], str] = {pool.submit(judge, name, out): f"simulate {name}" for name in names}
        jobs |= {pool.submit(build_for, name, out): f"build {name}" for name in names}
        results = {}
        for job in as_completed(jobs):
            results[jobs[job]] = job.result()
            steps.done(jobs[job])
    verdicts = {name: results[f"simulate {name}"] for name in names}
    reports = {name: results[f"build {name}"] for name in names}
    show(load_design(PRESET, names[0]), verdicts, reports)
    return 0 if all(verdict.exact for verdict in verdicts.values()) else 1


def show(design: Design, verdicts: dict[str, Verdict], reports: dict[str, dict[str, Any]]) -> None:
    """Print the digit, the accuracy, and the three boards side by side."""
    task = task_of(design)
    first = next(iter(verdicts.values()))
    show_verdict(task, first, 0, "simulated RTL, through its UART pins", design.config.clock_hz)
    rows = []
    for name, report in reports.items():
        verdict, timing = verdicts[name], report["timing"][0]
        used = {row["resource"]: f"{row['used']} ({row['percent']:.1f} %)" for row in report["utilisation"]}
        rows.append(
            (
                name, *(used.get(key, "0") for key in ("LUT", "FF", "DSP", "BRAM")),
                f"{timing['achieved_mhz']:.1f}{' *' if report['notes'] else ''}", f"{timing['required_mhz']:g}",
                verdict.cycles,
                f"{verdict.correct} of {verdict.inputs}", f"{verdict.identical} of {verdict.inputs}",
            )
        )  # fmt: skip
    columns = ("board", "LUT", "FF", "DSP", "BRAM", "MHz", "needs", "cycles/image", "correct", "as golden")
    show_table("Placed and routed", columns, rows, "* paths through hard multipliers are untimed")
    for name, report in reports.items():
        console.print(f"{name}:")
        show_check(report)
        console.print(f"bitstream {report['bitstream']}, floorplan {report['picture']}", markup=False, soft_wrap=True)


def main() -> int:
    """Run the demonstration from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for all outputs")
    try:
        return run(parser.parse_args().out)
    except GatewrightError as error:
        errors.print(f"error: {' '.join(str(error).split())}", soft_wrap=True, markup=False)
        return 2


if __name__ == "__main__":
    sys.exit(main())
