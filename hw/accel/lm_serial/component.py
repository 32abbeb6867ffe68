# SPDX-License-Identifier: BSD-2-Clause
"""Serial core of the language model: memories, the multiplier, and the sequence of steps."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.accel.lm_core.host import Host
from gatewright.hw.accel.lm_core.shape import ACT_BITS, WIDE_BITS
from gatewright.hw.accel.lm_serial import attend, norm, rows
from gatewright.hw.accel.lm_serial.alu import Alu
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.lm_serial.tape import MATRICES, NORMS, WORD_BITS, WORD_TRITS, Step
from gatewright.hw.core.streams import RoomComponent


class LmSerial(RoomComponent):
    """Take constants, then tokens; run the steps of a token one after the other.

    Members
    -------
    i_boot : In(stream)
        ``data`` unsigned 16, ``last``.
    i : In(stream)
        ``data`` signed 8, ``last``, ``good``.
    o : Out(stream)
        ``data`` signed 8, ``last``.
    """

    config: LmSerialConfig
    i_boot: stream.Interface
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: LmSerialConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Make memories and units, then the states, which use them in turns."""
        m = Module()
        config = self.config
        m.submodules.host = self.host = Host(config)
        self.step = Signal(range(Step.HEAD + 2))
        self.layer = Signal(range(max(2, config.layers)))
        self.index = Signal(range(max(config.scratch_words, 32)))
        self.attending, self.booted = Signal(), Signal()
        self.serving = Signal()  # a request has come whose reply has not gone
        self._memories(m)
        self.alu = Alu(m, config)
        norm.build(m, self)
        rows.build(m, self)
        attend.build(m, self)
        with m.FSM():
            self._boot(m)
            self._embed(m)
            self._choose(m)
            norm.states(m, self)
            rows.states(m, self)
            attend.rotate_states(m, self)
            attend.states(m, self)
        self._serve(m)
        return m

    # --- memories ---

    def _memories(self, m: Module) -> None:
        """Build the big memory, whose ports share an address, that of rows, and that of activations."""
        config = self.config
        depth = config.memory.first + config.memory.words
        m.submodules.memory = big = Memory(shape=WORD_BITS, depth=depth, init=[], attrs={"uninitialised": 1})
        self.memory, self._put_memory = big.read_port(), big.write_port()
        self.address, self.tape = Signal(range(depth)), Signal(range(depth))
        m.d.comb += [
            self.memory.addr.eq(self.address), self._put_memory.addr.eq(self.address), self.memory.en.eq(0),
        ]  # fmt: skip
        m.submodules.rows = small = Memory(shape=WIDE_BITS, depth=config.scratch_words, init=[])
        self.scratch, self._put_scratch = small.read_port(), small.write_port()
        m.d.comb += self.scratch.en.eq(0)
        m.submodules.acts = acts = Memory(shape=ACT_BITS * WORD_TRITS, depth=config.act_words, init=[])
        self.acts, self.put_act = acts.read_port(), acts.write_port(granularity=ACT_BITS)

    def read_memory(self, m: Module, address: Any) -> None:
        """Ask for a word, there in the next cycle."""
        m.d.comb += [self.address.eq(address), self.memory.en.eq(1)]

    def read_tape(self, m: Module) -> None:
        """Ask for the next word of the tape."""
        self.read_memory(m, self.tape)
        m.d.sync += self.tape.eq(self.tape + 1)

    def write_memory(self, m: Module, address: Any, data: Any) -> None:
        """Write a word."""
        m.d.comb += [self.address.eq(address), self._put_memory.en.eq(1), self._put_memory.data.eq(data)]

    def read_scratch(self, m: Module, address: Any) -> None:
        """Ask for an element of a row."""
        m.d.comb += [self.scratch.addr.eq(address), self.scratch.en.eq(1)]

    def write_scratch(self, m: Module, address: Any, data: Any) -> None:
        """Write an element of a row."""
        m.d.comb += [self._put_scratch.addr.eq(address), self._put_scratch.en.eq(1), self._put_scratch.data.eq(data)]

    def read_score(self, m: Module, token: Any) -> None:
        """Ask for what belongs to a token."""
        m.d.comb += [self.score.addr.eq(token), self.score.en.eq(1)]

    # --- the sequence ---

    def _boot(self, m: Module) -> None:
        """Take constants, then wait for tokens, or for other constants between requests."""
        boot = self.i_boot
        with m.State("BOOT"):
            m.d.comb += boot.ready.eq(1)
            with m.If(boot.valid):
                self.write_memory(m, self.tape, boot.payload.data)
                m.d.sync += [self.tape.eq(self.tape + 1), self.booted.eq(boot.payload.last)]
                with m.If(boot.payload.last):
                    m.next = "REST"
        with m.State("REST"):
            words = self.config.features // 2
            m.d.sync += [
                self.tape.eq(self.config.segments["embed"].first + self.host.token * words),
                self.index.eq(0), self.layer.eq(0), self.step.eq(0), self.shelf.eq(0),
            ]  # fmt: skip
            with m.If(self.host.run):
                m.next = "EMBED"
            with m.Elif(boot.valid & ~self.serving):
                m.d.sync += [self.tape.eq(0), self.booted.eq(0)]
                m.next = "BOOT"

    def _embed(self, m: Module) -> None:
        """Write a token's octets as a row."""
        index = self.index
        with m.State("EMBED"):
            self.read_tape(m)
            m.next = "EVEN"
        for state, lane, following in (("EVEN", 0, "ODD"), ("ODD", 1, "EMBED")):
            with m.State(state):
                value = self.memory.data.word_select(lane, ACT_BITS).as_signed() << self.config.embed_shift
                self.write_scratch(m, index, value)
                m.d.sync += index.eq(index + 1)
                m.next = following
                if lane:
                    with m.If(index == self.config.features - 1):
                        m.d.sync += self.tape.eq(0)
                        m.next = "CHOOSE"

    def _choose(self, m: Module) -> None:
        """Begin a step; behind a layer comes the next one, then the last norm and the head if they are wanted."""
        with m.State("CHOOSE"), m.Switch(self.step):
            with m.Case(Step.LAST):
                with m.If(self.layer != self.config.layers - 1):
                    m.d.sync += [self.layer.eq(self.layer + 1), self.step.eq(0)]
                with m.Elif(self.host.head):
                    norm.begin(m, self)
                with m.Else():
                    self._done(m)
            with m.Case(*(step for step in NORMS if step != Step.LAST)):
                norm.begin(m, self)
            with m.Case(*(step for step in MATRICES if step != Step.HEAD)):
                rows.begin(m, self)
                m.next = "SCALES"
            with m.Case(Step.HEAD):
                rows.begin(m, self)
                m.next = "ROWS"
            with m.Case(Step.ROTATE):
                m.d.sync += self.index.eq(0)
                m.next = "PAIR"
            with m.Case(Step.ATTEND):
                attend.begin(m, self)
                m.next = "SCALES"
            with m.Default():
                self._done(m)

    def _done(self, m: Module) -> None:
        m.d.comb += self.host.done.eq(1)
        m.next = "REST"

    def finish(self, m: Module) -> None:
        """End a step."""
        m.d.sync += self.step.eq(self.step + 1)
        m.next = "CHOOSE"

    def _serve(self, m: Module) -> None:
        """Join the host, which gets no request before the constants have come."""
        host = self.host
        with m.If(host.i.valid & host.i.ready & self.i.payload.last & self.i.payload.good):
            m.d.sync += self.serving.eq(1)
        with m.If(self.o.valid & self.o.ready & self.o.payload.last):
            m.d.sync += self.serving.eq(0)
        m.d.comb += [
            host.i.valid.eq(self.i.valid & self.booted), self.i.ready.eq(host.i.ready & self.booted),
            host.i.payload.as_value().eq(self.i.payload.as_value()),
            self.o.valid.eq(host.o.valid), host.o.ready.eq(self.o.ready),
            self.o.payload.as_value().eq(host.o.payload.as_value()),
        ]  # fmt: skip


