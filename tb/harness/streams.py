# SPDX-License-Identifier: BSD-2-Clause
"""Drive and watch every stream of a design, one clock cycle at a time.

The harness makes the clock itself: inputs change while the clock is low, everything is sampled
once it has settled, then the clock rises. No simulator's event order can change a result.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
from cocotb.triggers import Timer

from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.ports import StreamPort


class BenchError(AssertionError):
    """The design broke a promise; the text says which, where and when."""


@dataclass
class Trace:
    """What one run saw; cycle numbers count from its start."""

    words: dict[str, list[int]] = field(default_factory=dict)
    first_in: int = -1
    first_out: int = -1
    last_out: int = -1
    cycles: int = 0
    taken: int = 0
    given: int = 0
    stalled_in: int = 0
    stalled_out: int = 0


WAITS = "sink waits for valid"  # as a consumer may; valid may not wait for ready in turn


def always() -> Iterator[bool]:
    """Never pause."""
    while True:
        yield True


def sometimes(rng: np.random.Generator, chance: float) -> Iterator[bool]:
    """Go with a given chance in each cycle."""
    while True:
        yield from (rng.random(64) < chance).tolist()


def bursts(rng: np.random.Generator, longest: int) -> Iterator[bool]:
    """Alternate runs of going and pausing, of random lengths up to ``longest``."""
    go = False
    while True:
        yield from [go] * int(rng.integers(1, longest + 1))
        go = not go


PATTERNS = ("none", "even", "slow source", "slow sink", "bursts", WAITS)


def pattern(name: str, side: str, rng: np.random.Generator) -> Iterator[bool]:
    """Give a stall pattern by name, for the ``source`` or the ``sink`` side."""
    match name:
        case "even":
            return sometimes(rng, 0.5)
        case "slow source":
            return sometimes(rng, 0.15 if side == "source" else 0.9)
        case "slow sink":
            return sometimes(rng, 0.9 if side == "source" else 0.15)
        case "bursts":
            return bursts(rng, 12)
    return always()


class Source:
    """Offer words on an input; a word once offered stays until it is taken. In between the payload is junk."""

    def __init__(self, dut: Any, port: StreamPort) -> None:
        self.name = port.name
        self.valid = getattr(dut, f"{port.name}__valid")
        self.ready = getattr(dut, f"{port.name}__ready")
        self.payload = getattr(dut, f"{port.name}__payload")
        self.junk = cycle([(1 << port.bits) - 1, 0])
        self.start([], always())

    def start(self, words: list[int], go: Iterator[bool]) -> None:
        """Load the words of a run."""
        self.words, self.go = words, go
        self.index, self.offered = 0, False
        self.valid.value = 0

    def drive(self) -> None:
        """Set the pins for this cycle."""
        if self.offered:
            return
        self.offered = self.index < len(self.words) and next(self.go)
        self.valid.value = int(self.offered)
        self.payload.value = self.words[self.index] if self.offered else next(self.junk)

    def sample(self, trace: Trace, cycle: int) -> None:
        """Look whether the offered word was taken."""
        if not self.offered:
            return
        if self.ready.value:
            self.offered = False
            self.index += 1
            trace.taken += 1
            trace.first_in = cycle if trace.first_in < 0 else trace.first_in
        else:
            trace.stalled_in += 1


class Sink:
    """Take words from an output and hold it to the stream rules."""

    def __init__(self, dut: Any, port: StreamPort) -> None:
        self.name = port.name
        self.valid = getattr(dut, f"{port.name}__valid")
        self.ready = getattr(dut, f"{port.name}__ready")
        self.payload = getattr(dut, f"{port.name}__payload")
        self.start([], always())

    def start(self, expected: list[int], go: Iterator[bool]) -> None:
        """Load what a run should give."""
        self.expected, self.go = expected, go
        self.got: list[int] = []
        self.held: int | None = None
        self.is_ready = self.waits = False
        self.ready.value = 0

    def drive(self) -> None:
        """Set the pin for this cycle."""
        self.is_ready = self.held is not None if self.waits else next(self.go)
        self.ready.value = int(self.is_ready)

    def sample(self, trace: Trace, cycle: int) -> None:
        """Record a transfer; check that a waiting word neither changes nor goes."""
        if not self.valid.value:
            if self.held is not None:
                raise BenchError(f"cycle {cycle}: {self.name} withdrew valid before the word was taken")
            return
        word = self.payload.value.to_unsigned()
        if self.held is not None and word != self.held:
            raise BenchError(f"cycle {cycle}: {self.name} changed its payload while waiting")
        if not self.is_ready:
            self.held = word
            trace.stalled_out += 1
            return
        self.held = None
        if len(self.got) == len(self.expected):
            raise BenchError(f"cycle {cycle}: {self.name} gave more than the expected {len(self.expected)} beats")
        if word != self.expected[len(self.got)]:
            raise BenchError(
                f"cycle {cycle}: {self.name} beat {len(self.got)} is {word:#x}, expected "
                f"{self.expected[len(self.got)]:#x}"
            )
        self.got.append(word)
        trace.given += 1
        trace.first_out = cycle if trace.first_out < 0 else trace.first_out
        trace.last_out = cycle

    async def probe(self, cycle: int) -> None:
        """Toggle ready within the cycle: valid and payload may not follow it."""
        before = (bool(self.valid.value), self.payload.value)
        self.ready.value = int(not self.is_ready)
        await Timer(1, "ns")
        if (bool(self.valid.value), self.payload.value) != before:
            raise BenchError(f"cycle {cycle}: {self.name} valid or payload depends on ready")
        self.ready.value = int(self.is_ready)
        await Timer(1, "ns")


class Streams:
    """All ports of a design under one clock."""

    def __init__(self, dut: Any, config: RoomConfig) -> None:
        self.dut = dut
        self.sources = [Source(dut, port) for port in config.inputs]
        self.sinks = [Sink(dut, port) for port in config.outputs]
        self.cycle = 0
        self.resets = 0
        dut.clk.value = 0
        dut.rst.value = 0

    async def settle(self) -> None:
        """Let the low phase settle."""
        await Timer(1, "ns")

    async def tick(self) -> None:
        """Give one rising edge."""
        self.dut.clk.value = 1
        await Timer(1, "ns")
        self.dut.clk.value = 0
        self.cycle += 1

    async def reset(self, cycles: int = 2) -> None:
        """Hold reset; all streams go idle."""
        for source in self.sources:
            source.start([], always())
        for sink in self.sinks:
            sink.start([], always())
        self.dut.rst.value = 1
        for _ in range(cycles):
            await self.settle()
            await self.tick()
        self.dut.rst.value = 0
        self.resets += 1

    async def run(
        self,
        inputs: Mapping[str, list[int]],
        expected: Mapping[str, list[int]],
        rng: np.random.Generator,
        stalls: str = "none",
        limit: int = 10_000,
        stop_after: int | None = None,
        enough: Mapping[str, int] | None = None,
    ) -> Trace:
        """Play words into the design until it has given all that is expected, and nothing more.

        Parameters
        ----------
        inputs, expected : mapping
            Payload words by port name.
        rng : numpy.random.Generator
            Drives the stall pattern.
        stalls : str
            One of `PATTERNS`.
        limit : int
            Cycles without any transfer after which the design counts as hung.
        stop_after : int, optional
            Leave after so many cycles at the latest, whatever the state; for reset in mid-stream.
        enough : mapping, optional
            Beats of each output with which the run is over, whatever inputs are left.

        Raises
        ------
        BenchError
            On a wrong, missing or surplus beat, or a broken stream rule.
        """
        trace = Trace()
        for source in self.sources:
            source.start(inputs[source.name], pattern(stalls, "source", rng))
        for sink in self.sinks:
            sink.start(expected[sink.name], pattern(stalls, "sink", rng))
            sink.waits = stalls == WAITS
        quiet = moved = 0
        while stop_after is None or trace.cycles < stop_after:
            done = self._finished(enough)
            if done and (quiet >= 40 or enough is not None):
                break
            if quiet > limit:
                raise BenchError(f"hung: {self._progress()} after {trace.cycles} cycles, {limit} of them idle")
            await self._cycle(trace, rng if stalls != "none" else None)
            quiet = quiet + 1 if trace.taken + trace.given == moved else 0
            moved = trace.taken + trace.given
        trace.words = {sink.name: sink.got for sink in self.sinks}
        return trace

    async def _cycle(self, trace: Trace, rng: np.random.Generator | None) -> None:
        for source in self.sources:
            source.drive()
        for sink in self.sinks:
            sink.drive()
        await self.settle()
        for sink in self.sinks:
            if rng is not None and rng.random() < 0.04:
                await sink.probe(trace.cycles)
        for source in self.sources:
            source.sample(trace, trace.cycles)
        for sink in self.sinks:
            sink.sample(trace, trace.cycles)
        await self.tick()
        trace.cycles += 1

    def _finished(self, enough: Mapping[str, int] | None) -> bool:
        if enough is not None:
            return all(len(s.got) >= enough[s.name] for s in self.sinks)
        return all(s.index == len(s.words) for s in self.sources) and all(
            len(s.got) == len(s.expected) for s in self.sinks
        )

    def _progress(self) -> str:
        inputs = [f"{s.name} took {s.index} of {len(s.words)}" for s in self.sources]
        outputs = [f"{s.name} gave {len(s.got)} of {len(s.expected)}" for s in self.sinks]
        return ", ".join([*inputs, *outputs])
