# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb tests that every stream room passes. They know the room only by config and golden model."""

import json
import os
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from gatewright.hw.core.ports import StreamPort, beat_count
from gatewright.tb.harness.bench import Inputs, Leading, StreamBench
from gatewright.tb.harness.streams import PATTERNS, BenchError, Streams, Trace

TESTS = ("random_data", "corner_values", "random_stalls", "short_runs", "reset_in_midstream")
STARVED = 3  # runs in which a given port stops


@dataclass
class Counts:
    """What a test really did; a test that moved nothing fails."""

    runs: int = 0
    cycles: int = 0
    taken: int = 0
    given: int = 0
    stalled_in: int = 0
    stalled_out: int = 0
    resets: int = 0

    def add(self, trace: Trace) -> None:
        """Add a run."""
        self.runs += 1
        for name in ("cycles", "taken", "given", "stalled_in", "stalled_out"):
            setattr(self, name, getattr(self, name) + getattr(trace, name))


@dataclass
class Session:
    """One test's view: bench, config, design, randomness."""

    bench: StreamBench
    config: Any
    streams: Streams
    seed: int
    rng: np.random.Generator
    size: int
    counts: Counts = field(default_factory=Counts)
    beside: Any = None  # the flash at the pins

    async def play(
        self, kind: str, size: int, stalls: str = "none", stop_after: int | None = None
    ) -> tuple[Inputs, Trace]:
        """Run one stimulus and compare every output beat with the golden model."""
        if self.bench.remembers:
            await self.streams.reset(1)
        inputs = self.bench.stimulus(self.config, self.rng, kind, size)
        outputs = self.bench.golden(self.config, inputs)
        words = {port.name: port.pack(inputs[port.name]) for port in self.config.inputs}
        expected = {port.name: port.pack(outputs[port.name]) for port in self.config.outputs}
        limit = 500 + 4 * self.config.cycles(inputs)
        trace = await self.streams.run(words, expected, self.rng, stalls, limit, stop_after)
        self.counts.add(trace)
        return inputs, trace

    async def starve(self, port: StreamPort, leading: Leading) -> None:
        """Let one port stop after some jobs while the others go on; the results of those jobs still come."""
        inputs = self.bench.stimulus(self.config, self.rng, "random", self.size // 4)
        first = leading(self.config, inputs, self.rng)
        known = inputs | {port.name: first[port.name]}
        due = {name: beat_count(beats) for name, beats in self.bench.golden(self.config, first).items()}
        expected = self.bench.golden(self.config, inputs)
        trace = await self.streams.run(
            {item.name: item.pack(known[item.name]) for item in self.config.inputs},
            {item.name: item.pack(expected[item.name]) for item in self.config.outputs},
            self.rng, limit=500 + 4 * self.config.cycles(inputs), enough=due,
        )  # fmt: skip
        self.counts.add(trace)

    def check_timing(self, inputs: Inputs, trace: Trace) -> None:
        """Hold an unstalled run to the contract's latency and cycle count."""
        latency, cycles = trace.first_out - trace.first_in, trace.last_out - trace.first_in + 1
        if trace.given and latency != self.config.delay(inputs):
            raise BenchError(f"latency is {latency} cycles, promised {self.config.delay(inputs)}")
        if trace.given and cycles != self.config.cycles(inputs):
            beats = {name: beat_count(beats) for name, beats in inputs.items()}
            raise BenchError(f"took {cycles} cycles for {beats}, promised {self.config.cycles(inputs)}")


def open_session(dut: Any, salt: str) -> Session:
    """Read the run's arguments from the environment; ``salt`` gives each test its own random stream."""
    arguments = json.loads(os.environ["GATEWRIGHT_BENCH"])
    bench: StreamBench = import_module(arguments["bench"]).BENCH
    config = bench.config(**arguments["parameters"])
    seed = int(arguments["seed"])
    rng = np.random.default_rng([seed, zlib.crc32(salt.encode())])
    size = int(arguments.get("size") or bench.size)
    return Session(bench, config, Streams(dut, config), seed, rng, size)


async def random_data(session: Session) -> None:
    """Uniform data without stalls: values, latency, cycle count."""
    await session.streams.reset()
    inputs, trace = await session.play("random", session.size)
    session.check_timing(inputs, trace)


async def corner_values(session: Session) -> None:
    """Corner values without stalls, straight after other data."""
    await session.streams.reset()
    inputs, trace = await session.play("corners", session.size)
    session.check_timing(inputs, trace)
    await session.play("corners", session.size, "even")


async def random_stalls(session: Session) -> None:
    """Every stall pattern on both sides; then each input in turn stops while the others go on."""
    await session.streams.reset()
    for name in PATTERNS[1:]:
        await session.play("random", session.size // 2, name)
    if session.bench.leading:
        for port in session.config.inputs * STARVED:
            await session.streams.reset(1)
            await session.starve(port, session.bench.leading)


async def short_runs(session: Session) -> None:
    """Runs of few beats with idle time between them, timing checked after a reset."""
    for size in (1, 2, 3, 5):
        await session.streams.reset(1)
        inputs, trace = await session.play("random", size)
        session.check_timing(inputs, trace)
        await session.play("random", size, "even")


async def reset_in_midstream(session: Session) -> None:
    """Reset at random moments; afterwards the design is as fresh as ever."""
    for stalls in PATTERNS * 2:
        await session.streams.reset(1)
        size = max(4, session.size // 8)
        within = session.bench.reset_within or size + 8
        await session.play("random", size, stalls, stop_after=int(session.rng.integers(1, within)))
        await session.streams.reset(1)
        inputs, trace = await session.play("random", size)
        session.check_timing(inputs, trace)


def register(body: Callable[[Session], Awaitable[None]]) -> Any:
    """Make a cocotb test of a body; benches of pin-level rooms use it for their own bodies."""

    async def test(dut: Any) -> None:
        session = open_session(dut, body.__name__)
        try:
            await body(session)
        except BenchError as failure:
            raise BenchError(f"{failure} (seed {session.seed})") from None
        session.counts.resets = session.streams.resets
        if not session.counts.taken:
            raise BenchError("no input beat was taken: nothing was tested")
        _report(body.__name__, session.counts)

    test.__name__ = test.__qualname__ = body.__name__
    test.__doc__ = body.__doc__
    return cocotb.test(name=body.__name__)(test)


def _report(name: str, counts: Counts) -> None:
    path = Path(os.environ["GATEWRIGHT_COUNTS"])
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | {name: asdict(counts)}))


BODIES = (random_data, corner_values, random_stalls, short_runs, reset_in_midstream)
for _body in BODIES:
    globals()[f"test_{_body.__name__}"] = register(_body)
