# SPDX-License-Identifier: BSD-2-Clause
"""Ternary core: activation memory, weight store, engine, memory of sums, and the states that join them."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.accel.ternary_core.config import WORD_BYTES, TernaryCoreConfig
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.memory.weight_store.component import WeightStore
from gatewright.hw.ternary.ternary_matvec.component import TernaryMatvec


class TernaryCore(RoomComponent):
    """Take an input, multiply, send the sums.

    Members
    -------
    i : In(stream)
        ``data`` signed 8, ``last``, ``good``, and ``load`` if weights are loaded.
    o : Out(stream)
        ``data`` signed 8, ``last``.
    """

    config: TernaryCoreConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: TernaryCoreConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the memories and the unit, then the states."""
        m = Module()
        m.submodules.matvec = self.matvec = TernaryMatvec(self.config.matvec)
        m.submodules.weights = self.weights = WeightStore(self.config.weight_store)
        self.running = Signal()
        self._activations(m)
        self._weights(m)
        self._results(m)
        self._states(m)
        return m

    def _activations(self, m: Module) -> None:
        """Build the memory of the input: octets in, words of ``lanes`` octets out as a stream."""
        config, lanes = self.config, self.config.lanes
        depth, lane_bits = config.in_features // lanes, (lanes - 1).bit_length()
        self.octet = octet = Signal(range(config.in_features))  # where the next one goes
        self.write = Signal()
        m.submodules.activations = memory = Memory(shape=8 * lanes, depth=depth, init=[])
        put, get = memory.write_port(granularity=8), memory.read_port()
        m.d.comb += [
            put.addr.eq(octet >> lane_bits), put.data.eq(Cat([self.i.payload.data] * lanes)),
            # Octets come in order: what the last lane takes too early is written over.
            put.en.eq(Cat([self.write & (octet[:lane_bits] == lane) for lane in range(lanes - 1)], self.write)),
        ]  # fmt: skip
        self.walking = Signal()  # words are still to be read
        self.held, self.held_last = Signal(), Signal(reset_less=True)  # the read register holds one
        self.taken, self.word = Signal(), get.data
        address = Signal(range(depth))
        self.ends = address == depth - 1
        m.d.comb += [get.addr.eq(address), get.en.eq(~self.held | self.taken)]
        with m.If(get.en):
            m.d.sync += [self.held.eq(self.walking), self.held_last.eq(self.ends)]
            with m.If(self.walking):
                m.d.sync += address.eq(address + 1)
                with m.If(self.ends):
                    m.d.sync += [address.eq(0), self.walking.eq(0)]
        self.address = address
        self.through = Signal()  # the last word goes
        m.d.comb += self.through.eq(self.held & self.held_last & self.taken)

    def _weights(self, m: Module) -> None:
        """Join the store: it plays once for each run, and takes words of the activation memory while loading."""
        config, unit, store = self.config, self.matvec, self.weights
        self.play = Signal()  # a run's weights are still to be asked for
        m.d.comb += [
            store.i_play.valid.eq(self.play), store.i_play.payload.count.eq(config.sweep),
            store.i_play.payload.times.eq(config.blocks),
            unit.i_w.valid.eq(store.o.valid), store.o.ready.eq(unit.i_w.ready),
            unit.i_w.payload.last.eq(store.o.payload.last),
            unit.i_w.payload.code.as_value().eq(store.o.payload.data),
            unit.i_x.payload.x.as_value().eq(self.word),
            unit.i_x.payload.last.eq(self.held_last),
        ]  # fmt: skip
        with m.If(store.i_play.ready):
            m.d.sync += self.play.eq(0)
        if not config.loaded:  # what the read register holds is for the unit
            m.d.comb += [unit.i_x.valid.eq(self.held), self.taken.eq(unit.i_x.ready)]
            return
        self.missing = Signal(range(config.loads + 1), init=config.loads)  # LOADs that still lack
        beats = config.in_features // config.lanes
        final = config.load_bytes // config.lanes - (config.loads - 1) * beats - 1  # last beat of the last LOAD
        past, last = Signal(), Signal(reset_less=True)
        with m.If(self.taken | ~self.held):
            m.d.sync += last.eq((self.address == final) & (self.missing == 0))
        m.d.comb += [
            unit.i_x.valid.eq(self.held & self.running), store.i_load.valid.eq(self.held & ~self.running & ~past),
            store.i_load.payload.data.eq(self.word), store.i_load.payload.last.eq(last),
            self.taken.eq(Mux(self.running, unit.i_x.ready, store.i_load.ready)),
        ]  # fmt: skip
        if final < beats - 1:  # octets behind the last weights are of no use
            with m.If(self.held & ~self.running):
                m.d.sync += past.eq((past | last) & ~self.held_last)

    def _results(self, m: Module) -> None:
        """Build the memory of the sums, a beat of the unit in each word; sums are picked one by one."""
        config, unit = self.config, self.matvec
        count, bits = config.outputs_per_cycle, config.matvec.sum_bits
        m.submodules.sums = memory = Memory(shape=count * bits, depth=config.sweep, init=[])
        put, get = memory.write_port(), memory.read_port()
        self.beat, self.column = Signal(range(config.sweep)), Signal(range(count))
        self.fetch = Signal()
        m.d.comb += [
            unit.o.ready.eq(1), put.en.eq(unit.o.valid), put.addr.eq(self.beat),
            put.data.eq(unit.o.payload.y.as_value()), get.addr.eq(self.beat), get.en.eq(self.fetch),
        ]  # fmt: skip
        self.picked = get.data.word_select(self.column, bits).as_signed()
        with m.If(unit.o.valid):
            m.d.sync += self.beat.eq(Mux(unit.o.payload.last, 0, self.beat + 1))

    def _states(self, m: Module) -> None:
        """Take octets, run or store them, reply."""
        config = self.config
        self.cycles = Signal(range(config.run_cycles + 1))
        self.reply = Signal(signed(8 * WORD_BYTES), reset_less=True)  # octets on their way out, the lowest next
        self.final = Signal()  # they are the packet's last
        with m.FSM():
            with m.State("TAKE"):
                self._take(m)
            with m.State("RUN"):
                m.d.comb += self.running.eq(1)
                m.d.sync += self.cycles.eq(self.cycles + 1)
                with m.If(self.matvec.o.valid & self.matvec.o.payload.last):
                    m.next = "FETCH"
            if config.loaded:
                with m.State("STORE"):
                    m.d.sync += self.reply.eq(self.missing)
                    with m.If(self.through):
                        m.next = "SEND"
            with m.State("FETCH"):
                m.d.comb += self.fetch.eq(1)
                m.next = "PICK"
            with m.State("PICK"):
                m.d.sync += self.reply.eq(self.picked)
                m.next = "SEND"
            with m.State("SEND"):
                self._send(m)

    def _take(self, m: Module) -> None:
        """Write octets; a packet that is not good is forgotten."""
        config, i = self.config, self.i
        m.d.comb += [i.ready.eq(1), self.write.eq(i.valid)]
        m.d.sync += [self.cycles.eq(0), self.final.eq(int(config.loaded))]
        with m.If(i.valid):
            m.d.sync += self.octet.eq(Mux(i.payload.last, 0, self.octet + 1))
            with m.If(i.payload.last & i.payload.good):
                if not config.loaded:
                    self._start(m)
                    return
                with m.If(i.payload.load):
                    none = self.missing == 0
                    m.d.sync += [self.walking.eq(1), self.missing.eq(Mux(none, config.loads, self.missing) - 1)]
                    m.next = "STORE"
                with m.Elif(self.missing == 0):
                    self._start(m)
                with m.Else():  # no sums, no cycles
                    m.d.sync += self.reply.eq(0)
                    m.next = "SEND"

    def _start(self, m: Module) -> None:
        m.d.sync += [self.walking.eq(1), self.play.eq(1), self.final.eq(0)]
        m.next = "RUN"

    def _send(self, m: Module) -> None:
        """Send an octet; after a sum's last read the next sum, after the last sum send the cycles."""
        config, o = self.config, self.o
        left, sum_ends, sums_end = Signal(range(WORD_BYTES), init=WORD_BYTES - 1), Signal(), Signal()
        row_ends: Value = self.column == config.outputs_per_cycle - 1
        final_column = (config.out_features - 1) % config.outputs_per_cycle
        m.d.comb += [
            o.valid.eq(1), o.payload.data.eq(self.reply[:8]), sum_ends.eq(left == 0),
            o.payload.last.eq(sum_ends & self.final),
            sums_end.eq((self.beat == config.sweep - 1) & (self.column == final_column)),
        ]  # fmt: skip
        with m.If(o.ready):
            m.d.sync += [left.eq(left - 1), self.reply.eq(self.reply >> 8)]
            with m.If(sum_ends & self.final):
                m.next = "TAKE"
            with m.Elif(sum_ends & sums_end):
                m.d.sync += [self.final.eq(1), self.reply.eq(self.cycles), self.beat.eq(0), self.column.eq(0)]
            with m.Elif(sum_ends):
                m.d.sync += [self.column.eq(Mux(row_ends, 0, self.column + 1)), self.beat.eq(self.beat + row_ends)]
                m.next = "FETCH"
