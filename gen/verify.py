# SPDX-License-Identifier: BSD-2-Clause
"""Run a room's regression: emit, simulate, compare, count; one config or the room's grid."""

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewright.gen.design import Design
from gatewright.gen.emit import generate
from gatewright.gen.files import write_file
from gatewright.gen.registry import Room
from gatewright.hw.core.config import RoomConfig
from gatewright.tb.harness.runner import Job, Outcome, run


@dataclass
class Row:
    """The verdict on one config."""

    design: Design
    outcome: Outcome
    folder: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give the row for ``--json``."""
        return {
            "name": self.design.name,
            "room": self.design.room.name,
            "parameters": dict(self.parameters),
            "ok": self.outcome.ok,
            "tests": self.outcome.passed,
            "messages": self.outcome.messages,
            "counts": self.outcome.total,
            "waves": str(self.outcome.waves) if self.outcome.waves else None,
        }


def stream_pins(config: RoomConfig) -> tuple[str, ...]:
    """Names of the top-level ports of a room that speaks streams."""
    streams = [f"{p.name}__{s}" for p in (*config.inputs, *config.outputs) for s in ("payload", "valid", "ready")]
    return ("clk", "rst", *streams, *getattr(config, "pins", ()))


def job_of(design: Design, rtl: Path, seed: int, size: int | None = None) -> Job:
    """Describe the simulation of an emitted design."""
    arguments = {
        "bench": f"{design.room.package}.tb.{design.room.wing}.tb_{design.room.name}",
        "parameters": json.loads(design.config.model_dump_json()),
        "seed": seed,
    }
    if size:
        arguments["size"] = size
    pins = stream_pins(design.config)
    return Job(rtl / f"{design.top}.v", design.top, pins, design.room.bench.test_module, arguments)


def expected_tests(room: Room) -> list[str] | None:
    """Names of the tests that must have run, where the bench's module declares them."""
    from importlib import import_module

    names = getattr(import_module(room.bench.test_module), "TESTS", None)
    return list(names) if names else None


def verify(design: Design, out: Path, seed: int = 1, size: int | None = None) -> Row:
    """Verify one design; on a failure run the failing tests again with waves.

    Parameters
    ----------
    design : Design
        What to emit and simulate.
    out : Path
        The design's build folder.
    seed : int
        Seed of all randomness.
    size : int, optional
        Beats per test; the bench's own choice if not given.

    Returns
    -------
    Row
        The verdict, counts and, after a failure, the waveform's path.
    """
    generate(design, out / "rtl")
    job = job_of(design, out / "rtl", seed, size)
    outcome = run(job, out / "sim", expected_tests(design.room))
    if not outcome.ok:
        failing = [name for name, ok in outcome.passed.items() if not ok]
        again = run(job, out / "sim", failing, waves=True)
        if again.waves:
            outcome.waves = out / f"waves{again.waves.suffix}"
            shutil.copyfile(again.waves, outcome.waves)
    write_file(out / "junit.xml", junit([Row(design, outcome, out)]))
    return Row(design, outcome, out, dict(job.arguments["parameters"]))


def bench_design(room: Room, name: str, **parameters: Any) -> Design:
    """Make a design from a room's own parameters, also where a user's file would name a model instead."""
    config = room.config(**parameters)
    return Design(name, room, config, config)


def grid(room: Room) -> list[tuple[Design, Mapping[str, Any]]]:
    """Give the designs of a room's regression grid."""
    return [
        (bench_design(room, f"{room.name}_{index}", **values), values)
        for index, values in enumerate(room.bench.grid)
    ]


def verify_grid(
    rooms: Sequence[Room], out: Path, seed: int, done: Callable[[Row], None] = lambda row: None
) -> list[Row]:
    """Verify every config of the rooms' grids; ``done`` hears of each as it ends."""
    rows = []
    for room in rooms:
        for design, values in grid(room):
            row = verify(design, out / design.name, seed)
            row.parameters = values
            rows.append(row)
            done(row)
    return rows


def junit(rows: Sequence[Row]) -> str:
    """Give a JUnit report."""
    root = ET.Element("testsuites")
    for row in rows:
        suite = ET.SubElement(root, "testsuite", name=row.design.name, tests=str(len(row.outcome.passed)))
        for name, ok in row.outcome.passed.items():
            seconds = f"{row.outcome.seconds.get(name, 0.0):.3f}"
            case = ET.SubElement(suite, "testcase", name=name, classname=row.design.room.name, time=seconds)
            if not ok:
                ET.SubElement(case, "failure", message=row.outcome.messages.get(name, "failed"))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
