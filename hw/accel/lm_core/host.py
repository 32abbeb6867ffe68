# SPDX-License-Identifier: BSD-2-Clause
"""Requests and replies, and which token runs next."""

from typing import Any

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.lm_core.talk import HEADER, LOGIT_BYTES, LOGITS, START
from gatewright.hw.core.streams import layout

OCTETS = 256  # values of one


class Host(wiring.Component):
    """Take a request, run its tokens and those found, reply.

    Members
    -------
    i, o : stream
        Those of the core.
    run : Out(1)
        Begin with ``token`` at ``position``; ``first``: nothing came before it; ``head``: find the next one.
    done : In(1)
        It has gone through. Then ``found`` is the next one, if it was asked for.
    put : In(1)
        ``logits`` holds a beat of them, ``final`` the last.
    """

    def __init__(self, config: Any) -> None:  # of either core
        self.config = config
        super().__init__({
            "i": In(stream.Signature(layout(config.inputs[0]))), "o": Out(stream.Signature(layout(config.outputs[0]))),
            "run": Out(1), "token": Out(range(config.vocab)), "position": Out(range(config.context)), "first": Out(1),
            "head": Out(1), "done": In(1), "found": In(range(config.vocab)), "put": In(1), "final": In(1),
            "logits": In(config.outputs_per_cycle * config.logit_bits),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Build memories and registers, then the states."""
        m = Module()
        config = self.config
        octet = self.i.payload.data.as_unsigned()
        m.submodules.asked = asked = Memory(shape=8, depth=config.input_bytes, init=[])
        m.submodules.given = given = Memory(shape=8, depth=config.most_found, init=[])
        self.ask, self.asked = asked.write_port(), asked.read_port()
        self.give, self.given = given.write_port(), given.read_port()
        self.octet = Signal(range(config.input_bytes))  # of the request
        self.flags = Signal(2, reset_less=True)
        self.wanted = Signal(8, reset_less=True)  # tokens to find
        self.count = Signal(range(config.request_tokens + 1), reset_less=True)  # tokens of the request
        self.index = Signal.like(self.count)  # of these, those that have run
        self.kept = Signal(range(config.most_found + 1), reset_less=True)  # tokens found
        self.latest = Signal(range(config.vocab))
        self.cycles = Signal(range(config.quiet + 1), reset_less=True)
        self.filled = Signal(range(config.context + 1))  # tokens so far
        self.fresh, self.known = Signal(init=1), Signal()  # no token yet; logits since the reset
        m.d.comb += [
            self.ask.addr.eq(self.octet), self.ask.data.eq(octet), self.asked.addr.eq(self.index + HEADER),
            self.give.addr.eq(self.kept), self.give.data.eq(self.found), self.position.eq(self.filled),
            self.first.eq(self.fresh),
        ]  # fmt: skip
        self._logits(m)
        with m.FSM():
            with m.State("TAKE"):
                self._take(m, octet)
            with m.State("LOOK"):  # the next token of the request is read
                m.d.sync += self.cycles.eq(self.cycles + 1)
                m.next = "CHOOSE"
            with m.State("CHOOSE"):
                m.d.sync += self.cycles.eq(self.cycles + 1)
                self._choose(m)
            with m.State("RUN"):
                m.d.sync += self.cycles.eq(self.cycles + 1)
                self._wait(m)
            self._reply(m)
        return m

    def _take(self, m: Module, octet: Any) -> None:
        """Write a request; one that is not good is forgotten."""
        config, i = self.config, self.i
        m.d.comb += [i.ready.eq(1), self.ask.en.eq(i.valid)]
        m.d.sync += [self.cycles.eq(0), self.index.eq(0), self.kept.eq(0)]
        with m.If(i.valid):
            m.d.sync += self.octet.eq(Mux(i.payload.last, 0, self.octet + 1))
            most = config.request_tokens
            fields = (self.flags, octet), (self.count, Mux(octet > most, most, octet)), (self.wanted, octet)
            for place, (register, value) in enumerate(fields):
                with m.If(self.octet == place):
                    m.d.sync += register.eq(value)
            with m.If(i.payload.last & i.payload.good):
                with m.If(self.flags & START):
                    m.d.sync += [self.filled.eq(0), self.fresh.eq(1)]
                m.next = "LOOK"

    def _choose(self, m: Module) -> None:
        """Run the next token, if there is one and room for it."""
        config = self.config
        given = Signal()  # the request has one
        m.d.comb += given.eq(self.index != self.count)
        known = self.asked.data if config.vocab == OCTETS else Mux(self.asked.data < config.vocab, self.asked.data, 0)
        m.d.sync += self.token.eq(Mux(given, known, self.latest))
        m.d.sync += self.head.eq((self.wanted != 0) & (~given | (self.index + 1 == self.count)))
        more = given | (self.kept != self.wanted)
        if config.family == "transformer":
            more &= self.filled != config.context
        with m.If(more):
            m.d.sync += [self.run.eq(1), self.index.eq(self.index + given)]
            m.next = "RUN"
        with m.Else():
            m.d.sync += self.index.eq(0)
            m.next = "REPLY"

    def _wait(self, m: Module) -> None:
        """Wait for a token to go through; keep what is found."""
        m.d.sync += self.run.eq(0)
        with m.If(self.done):
            m.d.sync += self.fresh.eq(0)
            if self.config.family == "transformer":
                m.d.sync += self.filled.eq(self.filled + 1)
            with m.If(self.head):
                m.d.comb += self.give.en.eq(1)
                m.d.sync += [self.kept.eq(self.kept + 1), self.latest.eq(self.found), self.known.eq(1)]
            m.next = "LOOK"

    def _logits(self, m: Module) -> None:
        """Keep the latest logits, a beat a word."""
        config = self.config
        beats, lanes = -(-config.vocab // config.outputs_per_cycle), config.outputs_per_cycle
        m.submodules.kept_logits = memory = Memory(shape=len(self.logits), depth=max(2, beats), init=[])
        put, get = memory.write_port(), memory.read_port()
        self.beat, self.lane = Signal(range(max(2, beats))), Signal(range(lanes))
        m.d.comb += [
            put.addr.eq(self.beat), put.data.eq(self.logits), put.en.eq(self.put), get.addr.eq(self.beat),
        ]  # fmt: skip
        self.logit = Signal(signed(8 * LOGIT_BYTES))
        m.d.comb += self.logit.eq(get.data.word_select(self.lane, config.logit_bits).as_signed())
        self.step = Signal()  # to the next logit
        with m.If(self.put):
            m.d.sync += self.beat.eq(Mux(self.final, 0, self.beat + 1))
        with m.If(self.step):
            m.d.sync += self.lane.eq(self.lane + 1)
            with m.If(self.lane == lanes - 1):
                m.d.sync += [self.lane.eq(0), self.beat.eq(self.beat + 1)]
        last_lane = (config.vocab - 1) % lanes
        self.ends = (self.beat == beats - 1) & (self.lane == last_lane)
        with m.If(self.step & self.ends):
            m.d.sync += [self.lane.eq(0), self.beat.eq(0)]

    def _reply(self, m: Module) -> None:
        """Send tokens found, logits if they are asked for, cycles."""
        o, sent = self.o, Signal(range(self.config.most_found + 1))
        word, left, counts = Signal(32, reset_less=True), Signal(range(4), init=3), Signal()
        m.d.comb += self.given.addr.eq(sent)
        with m.State("REPLY"):  # a token, and the first logit, are read
            m.d.sync += [word.eq(self.logit), counts.eq(0)]
            with m.If(sent != self.kept):
                m.next = "TOKEN"
            with m.Else():
                m.d.sync += sent.eq(0)
                m.next = "WORD"
                with m.If(((self.flags & LOGITS) == 0) | ~self.known):
                    m.d.sync += [word.eq(self.cycles), counts.eq(1)]
        with m.State("TOKEN"):
            m.d.comb += [o.valid.eq(1), o.payload.data.eq(self.given.data)]
            with m.If(o.ready):
                m.d.sync += sent.eq(sent + 1)
                m.next = "REPLY"
        with m.State("PICK"):
            m.d.sync += word.eq(self.logit)
            m.next = "WORD"
        with m.State("FETCH"):
            m.next = "PICK"
        with m.State("WORD"):
            m.d.comb += [o.valid.eq(1), o.payload.data.eq(word[:8]), o.payload.last.eq(counts & (left == 0))]
            with m.If(o.ready):
                m.d.sync += [left.eq(left - 1), word.eq(word >> 8)]
                with m.If(left == 0):
                    with m.If(counts):
                        m.next = "TAKE"
                    with m.Else():
                        m.d.comb += self.step.eq(1)
                        m.next = "FETCH"
                        with m.If(self.ends):
                            m.d.sync += [word.eq(self.cycles), counts.eq(1)]
                            m.next = "WORD"
