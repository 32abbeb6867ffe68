# SPDX-License-Identifier: BSD-2-Clause
"""Normalise residual rows as they become final; in front of a mixture, hand them to the gate as well."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.constants import NORM_DIGITS, unpack_rows
from gatewright.hw.accel.vit_core.program import Source
from gatewright.hw.nonlinear.norm.component import Norm


class Normaliser(wiring.Component):
    """Read rows, normalise them, write them; pass after pass, all rows each, but one row in the last.

    Parameters
    ----------
    config : VitCoreConfig
        Geometry and constants.
    residual : ReadPort
        Residual rows, ``lanes`` elements a word.

    Members
    -------
    ready : In
        So many more rows are final.
    normed : Out(1)
        A row is written that no gate waits for.
    gated : Out(1)
        The present pass is in front of a mixture.
    o_gate : Out(stream)
        ``x``, ``last``: rows of such a pass.
    """

    def __init__(self, config: VitCoreConfig, residual: Any) -> None:
        self.config, self.residual = config, residual
        self.memory = Memory(shape=8 * config.inputs_per_cycle, depth=config.depth(Source.NORMED), init=[])
        self.port = self.memory.read_port()
        beat = data.StructLayout({"x": unsigned(8 * config.lanes), "last": 1})
        super().__init__({
            "ready": In(range(config.tokens + 1)), "normed": Out(1), "gated": Out(1),
            "o_gate": Out(stream.Signature(beat)),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Chain reader, norm and writer."""
        m = Module()
        m.submodules.memory = self.memory
        m.submodules.norm = self.norm = Norm(self.config.norm)
        self._read(m)
        self._constants(m)
        self._write(m)
        return m

    def _read(self, m: Module) -> None:
        """Read the rows that are final, one after the other."""
        config, port, target = self.config, self.residual, self.norm.i
        waiting = Signal(range(config.tokens + 1))  # final rows not yet begun
        active, move, begin = Signal(), Signal(), Signal()
        walk = Walk(m, config, active & move, "read")
        m.d.comb += [
            move.eq(~target.valid | target.ready), begin.eq((waiting != 0) & (~active | (move & walk.ends))),
            port.addr.eq(walk.row * walk.beats + walk.beat), port.en.eq(move),
            target.payload.x.as_value().eq(port.data),
        ]  # fmt: skip
        m.d.sync += waiting.eq(waiting + self.ready - begin)
        with m.If(begin):
            m.d.sync += active.eq(1)
        with m.Elif(move & walk.ends):
            m.d.sync += active.eq(0)
        with m.If(move):
            m.d.sync += [target.valid.eq(active), target.payload.last.eq(walk.ends)]

    def _constants(self, m: Module) -> None:
        """Offer gains and biases, a pass's again for each of its rows."""
        config, target = self.config, self.norm.i_weight
        m.submodules.constants = memory = Memory(
            shape=len(target.payload.as_value()), depth=config.norms * config.features // config.lanes,
            init=norm_words(config),
        )  # fmt: skip
        port, move = memory.read_port(), Signal()
        walk = Walk(m, config, move, "constant")
        m.d.comb += [
            move.eq(~target.valid | target.ready), port.en.eq(move), port.addr.eq(walk.number * walk.beats + walk.beat),
            target.payload.eq(port.data),
        ]  # fmt: skip
        m.d.sync += target.valid.eq(1)

    def _write(self, m: Module) -> None:
        """Write rows, and show them to the gate in the same cycle."""
        config, source = self.config, self.norm.o
        parts = config.inputs_per_cycle // config.lanes
        shift = (parts - 1).bit_length()
        step = Signal()
        walk = Walk(m, config, step, "write")
        put = self.memory.write_port(granularity=8 * config.lanes)
        blocks = config.features // config.inputs_per_cycle
        m.d.comb += [
            self.gated.eq(walk.number[:2] == 3), source.ready.eq(~self.gated | self.o_gate.ready),
            step.eq(source.valid & source.ready), self.normed.eq(step & walk.ends & ~self.gated),
            self.o_gate.valid.eq(source.valid & self.gated), self.o_gate.payload.last.eq(source.payload.last),
            self.o_gate.payload.x.eq(source.payload.q.as_value()),
            put.addr.eq(walk.row * blocks + (walk.beat >> shift)),
            put.data.eq(Cat([source.payload.q.as_value()] * parts)),
            put.en.eq(Cat(step & (walk.beat[:shift] == part) for part in range(parts)) if parts > 1 else step),
        ]  # fmt: skip


class Walk:
    """Count beats of a row, rows of a pass, passes of a run: every row in each, but one in the last.

    Attributes
    ----------
    beat, row, number : Signal
        Where it stands.
    ends : Signal
        At a row's last beat.
    """

    def __init__(self, m: Module, config: VitCoreConfig, step: Value, name: str) -> None:
        self.beats = config.features // config.lanes
        self.beat = Signal(range(self.beats), name=f"{name}_beat")
        self.row = Signal(range(config.tokens), name=f"{name}_row")
        self.number = Signal(range(config.norms), name=f"{name}_pass")
        self.ends = Signal(name=f"{name}_ends")
        final = self.number == config.norms - 1
        m.d.comb += self.ends.eq(self.beat == self.beats - 1)
        with m.If(step):
            m.d.sync += self.beat.eq(Mux(self.ends, 0, self.beat + 1))
        with m.If(step & self.ends):
            m.d.sync += self.row.eq(self.row + 1)
            with m.If(final | (self.row == config.tokens - 1)):
                m.d.sync += [self.row.eq(0), self.number.eq(Mux(final, 0, self.number + 1))]


def norm_words(config: VitCoreConfig) -> list[int]:
    """Lay gains and biases out: a word for the lanes of each beat, pass after pass."""
    fields = config.norm.inputs[1].fields
    words = []
    columns = [unpack_rows(rows, NORM_DIGITS).reshape(-1, config.lanes).tolist()
               for rows in ((config.gains, config.biases) if config.norm.has_bias else (config.gains,))]  # fmt: skip
    for beat in zip(*columns, strict=True):
        word, at = 0, 0
        for values, field in zip(beat, fields, strict=True):
            for value in values:
                word |= (value & ((1 << field.bits) - 1)) << at
                at += field.bits
        words.append(word)
    return words
