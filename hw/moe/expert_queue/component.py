# SPDX-License-Identifier: BSD-2-Clause
"""Expert queues."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.moe.expert_queue.config import ExpertQueueConfig
from gatewright.hw.moe.expert_queue.walk import Walk


class ExpertQueue(RoomComponent):
    """Fill one queue per expert, then play those that have tokens.

    The outputs walk over the used experts each at its own pace: neither waits for the other, and a
    sequence comes in as soon as both have done with the one before.

    Members
    -------
    i : In(stream)
        ``expert``, ``weight``, ``last``, ``final``.
    o_used : Out(stream)
        ``expert``, ``count``, ``final``.
    o : Out(stream)
        ``token``, ``weight``, ``expert``, ``turn`` if there are two, ``last``, ``final``.
    """

    config: ExpertQueueConfig
    i: stream.Interface
    o_used: stream.Interface
    o: stream.Interface

    def __init__(self, config: ExpertQueueConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Keep for each expert where its queue ends; its first token needs no end before it, so none is cleared."""
        m = Module()
        config, beat = self.config, self.i.payload
        expert = beat.expert[: (config.experts - 1).bit_length()]  # no bit for a single one
        m.submodules.play = play = Walk(config.experts)
        m.submodules.tell = tell = Walk(config.experts)

        push = Signal()
        m.d.comb += [self.i.ready.eq(~play.busy & ~tell.busy), push.eq(self.i.valid & self.i.ready)]
        for walk in (play, tell):
            m.d.comb += [
                walk.mark.eq(push), walk.expert.eq(1 << expert), walk.close.eq(beat.last & beat.final),
            ]  # fmt: skip
        token = Signal(range(config.tokens_max))
        with m.If(push & beat.last):
            m.d.sync += token.eq(Mux(beat.final, 0, token + 1))

        place = Signal(range(config.tokens_max))  # where the token goes
        ends = self._ends(m, push, expert, place)
        end = self._read(m, ends, expert, "end")
        played = self._read(m, ends, play.o_expert, "end_played")
        told = self._read(m, ends, tell.o_expert, "end_told")
        m.d.comb += place.eq(Mux(play.known, end + 1, 0))

        memory = Memory(shape=len(token) + config.weight_bits, depth=config.depth, init=[], attrs={"uninitialised": 1})
        m.submodules.queues = memory
        write = memory.write_port()
        m.d.comb += [
            write.addr.eq(Cat(expert, place)), write.data.eq(Cat(beat.weight, token)), write.en.eq(push),
        ]  # fmt: skip
        self._play(m, play, played, memory)

        m.d.comb += [
            tell.take.eq(self.o_used.ready),
            self.o_used.valid.eq(tell.valid),
            self.o_used.payload.expert.eq(tell.o_expert),
            self.o_used.payload.count.eq(told + 1),
            self.o_used.payload.final.eq(tell.o_last),
        ]
        return m

    def _play(self, m: Module, play: Walk, end: Value, memory: Memory) -> None:
        """Read a token a cycle, from queue to queue without a gap."""
        config, pipe = self.config, Pipe(m)
        place, turn = Signal(range(config.tokens_max)), Signal(range(config.turns))
        last, over = Signal(), Signal()  # of the queue; of its last turn
        m.d.comb += [
            pipe.enable.eq(~self.o.valid | self.o.ready),
            last.eq(place == end),
            over.eq(last & (turn == config.turns - 1)),
            play.take.eq(pipe.enable & over),
        ]
        with m.If(pipe.enable & play.valid):
            m.d.sync += [place.eq(Mux(last, 0, place + 1)), turn.eq(turn ^ last)]

        read = memory.read_port()
        m.d.comb += [read.addr.eq(Cat(play.o_expert, place)), read.en.eq(pipe.enable & play.valid)]
        with m.If(pipe.enable):
            m.d.sync += self.o.valid.eq(play.valid)
        m.d.comb += [
            self.o.payload.weight.eq(read.data[: config.weight_bits]),
            self.o.payload.token.eq(read.data[config.weight_bits :]),
            self.o.payload.expert.eq(pipe(play.o_expert, "expert")),
            self.o.payload.last.eq(pipe(last, "last")),
            self.o.payload.final.eq(pipe(over & play.o_last, "final")),
        ]
        if config.turns > 1:
            m.d.comb += self.o.payload.turn.eq(pipe(turn, "turn"))

    def _ends(self, m: Module, push: Value, expert: Value, place: Value) -> Memory | None:
        """Write the place of each queue's newest token; queues of one place need no memory of it."""
        if not len(place):
            return None
        memory = Memory(shape=len(place), depth=self.config.experts, init=[])
        m.submodules.ends = memory
        write = memory.write_port()
        m.d.comb += [write.addr.eq(expert), write.data.eq(place), write.en.eq(push)]
        return memory

    def _read(self, m: Module, ends: Memory | None, expert: Value, name: str) -> Value:
        end = Signal(range(self.config.tokens_max), name=name)
        if ends is not None:
            port = ends.read_port(domain="comb")
            m.d.comb += [port.addr.eq(expert), end.eq(port.data)]
        return end
