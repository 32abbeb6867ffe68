# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb tests of weight_store: those of every stream room, and loads that change the words between plays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.weight_store.config import WeightStoreConfig
from gatewright.hw.memory.weight_store.golden import load_words, runs
from gatewright.tb.harness import stream_tests
from gatewright.tb.harness.stream_tests import Session, register
from gatewright.tb.harness.streams import PATTERNS, WAITS, BenchError, Streams, Trace, pattern
from gatewright.tb.memory.tb_weight_store import loads, stimulus

TESTS = (*stream_tests.TESTS, "loads_and_plays_in_turn")
NO_LOAD: Beats = {"data": np.zeros(0, np.int64), "last": np.zeros(0, np.int64)}


async def loads_and_plays_in_turn(session: Session) -> None:
    """Offer loads of new words beside plays, under every stall pattern; the order of transfers says what to expect."""
    config = session.config
    held = golden_words(config)
    await session.streams.reset()
    for stalls in PATTERNS if config.loaded else PATTERNS[:1]:  # constant words have no order to keep
        plays = stimulus(config, session.rng, "random", max(4, session.size // 8))["i_play"]
        load = new_loads(config, session.rng) if config.loaded else NO_LOAD
        order = Order(config, session.streams, plays, load, held)
        session.counts.add(await order.run(session.rng, stalls))
        held = load_words(config, held, load) if config.loaded else held


def new_loads(config: WeightStoreConfig, rng: np.random.Generator) -> Beats:
    """Give one whole load and five of any length, with words never seen before."""
    each = [loads(config, rng, "random", 1) for _ in range(5)]
    beats = {name: np.concatenate([load[name] for load in each]) for name in ("data", "last")}
    beats["data"] = rng.permutation(beats["data"])
    return beats


def golden_words(config: WeightStoreConfig) -> NDArray[np.int64]:
    """Give the words of a store that nothing has been loaded into."""
    words = np.zeros(config.depth, np.int64 if config.width < 64 else object)
    if not config.loaded:
        words[: len(config.contents)] = config.contents
    return words


@dataclass
class Order:
    """One run; expects of each play the words that the memory holds when it is taken, ``held`` at first."""

    config: WeightStoreConfig
    streams: Streams
    plays: Beats
    load: Beats
    held: NDArray[np.int64]

    async def run(self, rng: np.random.Generator, stalls: str) -> Trace:
        """Play everything; hold the room to its words and to the rules of taking turns."""
        trace, streams = Trace(), self.streams
        for source, port in zip(streams.sources, self.config.inputs, strict=True):
            beats = self.plays if port.name == "i_play" else self.load
            source.start(port.pack(beats), pattern(stalls, "source", rng))
        sink = streams.sinks[0]
        sink.start([], pattern(stalls, "sink", rng))
        sink.waits = stalls == WAITS
        quiet = 0
        while quiet < (40 if self.finished() else 400):
            moved = trace.taken + trace.given
            for source in streams.sources:
                source.drive()
            sink.drive()
            await streams.settle()
            self.sample(trace)
            sink.sample(trace, trace.cycles)
            await streams.tick()
            trace.cycles += 1
            quiet = quiet + 1 if trace.taken + trace.given == moved else 0
        if not self.finished():
            raise BenchError(f"hung: {len(sink.got)} of {len(sink.expected)} words given after {trace.cycles} cycles")
        return trace

    def finished(self) -> bool:
        """Whether everything offered was taken and everything expected given."""
        sink = self.streams.sinks[0]
        return len(sink.got) == len(sink.expected) and all(s.index == len(s.words) for s in self.streams.sources)

    def sample(self, trace: Trace) -> None:
        """Note what is taken in this cycle, and what follows from it."""
        *loader, play = self.streams.sources
        sink = self.streams.sinks[0]
        load_waits = any(source.offered for source in loader)
        taken = sum(source.index for source in loader), play.index
        for source in self.streams.sources:
            source.sample(trace, trace.cycles)
        beats = sum(source.index for source in loader)
        # Only the output register may hold a word while the memory is written.
        if beats > taken[0] and len(sink.expected) - len(sink.got) > self.config.output_register:
            raise BenchError(f"cycle {trace.cycles}: a load beat is taken while words wait to be read")
        if play.index > taken[1]:
            if load_waits or (beats and not self.load["last"][beats - 1]):
                raise BenchError(f"cycle {trace.cycles}: a play is taken before a load has ended")
            sink.expected += self.words(taken[1], beats)

    def words(self, number: int, beats: int) -> list[int]:
        """Give the payload words of one play, after so many load beats."""
        held = self.held
        if beats:
            held = load_words(self.config, held, {name: column[:beats] for name, column in self.load.items()})
        address, last = runs({name: column[number : number + 1] for name, column in self.plays.items()})
        return self.config.outputs[0].pack({"data": held[address], "last": last})


BODIES = (*stream_tests.BODIES, loads_and_plays_in_turn)
for _body in BODIES:
    globals()[f"test_{_body.__name__}"] = register(_body)
