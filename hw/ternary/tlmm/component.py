# SPDX-License-Identifier: BSD-2-Clause
"""Ternary engine."""

from dataclasses import dataclass
from typing import Any

from amaranth import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.tlmm.tables import Tables
from gatewright.hw.ternary.tlmm.terms import Terms
from gatewright.hw.ternary.tlmm.tree import Part, accumulate, hold, sum_up


@dataclass(frozen=True)
class Beat:
    """What travels beside a beat of weights.

    Attributes
    ----------
    valid : Value
        There is one.
    last : Value
        It ends a sweep.
    first, final : Value
        Its block is the first, the last of a vector.
    """

    valid: Value
    last: Value
    first: Value
    final: Value


class Tlmm(RoomComponent):
    """Multiply vectors with ternary matrices, ``block * outputs_per_cycle`` weights a cycle.

    Members
    -------
    i_x : In(stream)
        ``x`` (vectors, groups, group), ``last``: a block of each vector; ``last`` with the final one.
    i_w : In(stream)
        ``code`` (outputs_per_cycle, groups), ``last``: weights of that block; ``last`` ends a sweep.
    o : Out(stream)
        ``y`` (vectors, outputs_per_cycle), ``last``: sums, a beat for each beat of a vector's final sweep.
    """

    config: TlmmConfig
    i_x: stream.Interface
    i_w: stream.Interface
    o: stream.Interface

    def __init__(self, config: TlmmConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the front of the chosen method, a tree for each output, and the sums between blocks."""
        m = Module()
        config, pipe = self.config, Pipe(m)
        m.d.comb += pipe.enable.eq(~self.o.valid | self.o.ready)
        operands: Tables | Terms
        if config.has_tables:
            operands, beat = self._tables(m, pipe)
            beats = self._flags(m, pipe, beat)
            pipes = [pipe] * config.stages
        else:
            beats = self._flags(m, pipe, self._terms(m, pipe))
            pipes = self._quiet(m, pipe, beats)
            operands = Terms(pipes, config, self.i_x.payload.x)

        late = config.stages - config.leaf_stages - config.levels
        roots = []
        for output in range(config.outputs_per_cycle):
            parts = operands.parts(self.i_w.payload.code[output], f"y_{output}")
            root = sum_up(pipes[config.leaf_stages :], config, parts, f"y_{output}")
            for after in pipes[config.stages - late :]:
                root = hold(after, root, f"y_{output}_late")
            if config.method == "bitplane":
                # Two planes give twice the sum, which is even: the carry that is missing equals the lowest bit.
                # It is the same for all vectors.
                halves = tuple(value[1:].as_signed() for value in root.values)
                root = Part(root.terms // 2, halves, root.values[0][0])
            roots.append(root)
        self._finish(m, pipe, roots, beats)
        return m

    def _quiet(self, m: Module, pipe: Pipe, beats: list[Beat]) -> list[Pipe]:
        """Give a pipe for each stage that moves only for a beat: idle adders cost neither power nor simulation time."""
        pipes = [Pipe(m) for _ in range(self.config.stages)]
        for stage, beat in zip(pipes, beats, strict=False):
            m.d.comb += stage.enable.eq(pipe.enable & beat.valid)
        return pipes

    def _terms(self, m: Module, pipe: Pipe) -> Beat:
        """Join weights with the activations at the input, which stay there for a sweep."""
        fire, fresh, last, final = Signal(), Signal(init=1), self.i_w.payload.last, self.i_x.payload.last
        clear = self._clear(m, pipe, fire)
        m.d.comb += [
            fire.eq(self.i_w.valid & self.i_x.valid & clear),
            self.i_w.ready.eq(pipe.enable & self.i_x.valid & clear),
            self.i_x.ready.eq(pipe.enable & self.i_w.valid & clear & last),
        ]
        with m.If(pipe.enable & fire & last):
            m.d.sync += fresh.eq(final)
        return Beat(fire, last, fresh, final)

    def _tables(self, m: Module, pipe: Pipe) -> tuple[Tables, Beat]:
        """Take activations when their tables are built, weights while there are tables to read."""
        fire, fresh, last = Signal(), Signal(init=1), self.i_w.payload.last
        tables = Tables(m, pipe, self.config, self.i_x.payload, self.i_x.valid)
        clear = tables.ready & self._clear(m, pipe, fire)
        m.d.comb += [
            self.i_x.ready.eq(tables.walker.done),
            self.i_w.ready.eq(pipe.enable & clear),
            fire.eq(self.i_w.valid & clear),
            tables.fire_last.eq(pipe.enable & fire & last),
        ]
        with m.If(tables.fire_last):
            m.d.sync += fresh.eq(tables.final)
        return tables, Beat(fire, last, fresh, tables.final)

    def _clear(self, m: Module, pipe: Pipe, fire: Value) -> Value:
        """Tell when weights may be taken: after a sweep of few beats only when its first sum is back in the memory."""
        if not self.config.guarded:
            return Const(1)
        free = self.config.apart - 1
        lacking, pause = Signal(free, init=-1), Signal(free)  # as many ones as beats that a sweep lacks; as cycles
        with m.If(pipe.enable):
            m.d.sync += pause.eq(pause >> 1)
            with m.If(fire):
                m.d.sync += lacking.eq(lacking >> 1)
                with m.If(self.i_w.payload.last):
                    m.d.sync += [pause.eq(lacking), lacking.eq(-1)]
        return ~pause[0]

    def _flags(self, m: Module, pipe: Pipe, beat: Beat) -> list[Beat]:
        """Delay the flags; entry k belongs to register stage k."""
        found = [beat]
        for _ in range(self.config.stages):
            valid = Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(beat.valid)
            beat = Beat(valid, *(pipe(flag, "flag") for flag in (beat.last, beat.first, beat.final)))
            found.append(beat)
        return found

    def _finish(self, m: Module, pipe: Pipe, roots: list[Part], beats: list[Beat]) -> None:
        """Add what earlier blocks gave; give out or keep the sums."""
        config, payload, beat = self.config, self.o.payload, beats[-1]
        kept = None if config.blocks_max == 1 else self._kept(m, pipe, beats)
        for output, root in enumerate(roots):
            earlier = [Const(0, signed(config.acc_bits))] * config.vectors if kept is None else kept[output]
            for vector, value in enumerate(accumulate(config, earlier, root)):
                m.d.comb += payload.y[vector][output].eq(pipe(value, f"y_{output}"))
        out = beat.valid if config.blocks_max == 1 else beat.valid & beat.final
        with m.If(pipe.enable):
            m.d.sync += self.o.valid.eq(out)
        m.d.comb += payload.last.eq(pipe(beat.last, "last"))

    def _kept(self, m: Module, pipe: Pipe, beats: list[Beat]) -> list[list[Value]]:
        """Give the sums of earlier blocks, by output and vector; write the new ones.

        They are read two stages ahead of the addition and written a stage after it.
        """
        config = self.config
        vectors, outputs = range(config.vectors), range(config.outputs_per_cycle)
        ahead, reading = beats[-3], beats[-2]
        slot = Signal(range(config.sweep_max))
        with m.If(pipe.enable & ahead.valid):
            m.d.sync += slot.eq(Mux(ahead.last, 0, slot + 1))
        m.submodules.kept = memory = Memory(
            shape=config.acc_bits * config.outputs_per_cycle * config.vectors, depth=config.sweep_max, init=[]
        )
        read, write = memory.read_port(), memory.write_port()
        done = Signal()
        with m.If(pipe.enable):
            m.d.sync += done.eq(beats[-1].valid)
        m.d.comb += [
            read.addr.eq(slot), read.en.eq(pipe.enable),
            write.addr.eq(pipe(slot, "slot", 3)), write.en.eq(pipe.enable & done),
            write.data.eq(self.o.payload.y.as_value()),
        ]  # fmt: skip
        places = [[vector * config.outputs_per_cycle + output for vector in vectors] for output in outputs]
        words = [[read.data.word_select(place, config.acc_bits) for place in row] for row in places]
        return [
            [pipe(Mux(reading.first, 0, word), f"kept_{output}").as_signed() for word in row]
            for output, row in enumerate(words)
        ]
