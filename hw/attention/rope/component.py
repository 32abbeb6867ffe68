# SPDX-License-Identifier: BSD-2-Clause
"""Rotary positions."""

from typing import Any

import numpy as np
from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.attention.rope.config import TABLE_FRACTION, RopeConfig
from gatewright.hw.core.pipe import Pipe, connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.activation.lane import saturate

ENTRY_BITS = TABLE_FRACTION + 2  # 1 and -1 included


class Rope(RoomComponent):
    """Turn ``lanes / 2`` pairs a beat.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``position``, ``last``.
    o : Out(stream)
        ``y`` (lanes,), ``last``.
    """

    config: RopeConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: RopeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Read the table, hold what it gave beside the elements, multiply, add, round; one enable for all."""
        m = Module()
        pipe = connect(m, self.i, self.o, self.config.latency)
        word = pipe(self._read(m, pipe), "entry")  # block RAM answers late: the multipliers get a cycle of their own
        for pair in range(self.config.lanes // 2):
            entry = word[2 * ENTRY_BITS * pair :]
            c, s = (entry[k * ENTRY_BITS : (k + 1) * ENTRY_BITS].as_signed() for k in (0, 1))
            a, b = (pipe(self.i.payload.x[2 * pair + k], f"x_{2 * pair + k}", 2) for k in (0, 1))
            ac, bs, ad, bc = (
                pipe((left * right)[: self.config.sum_bits], f"pair_{pair}_{name}").as_signed()
                for left, right, name in ((a, c, "ac"), (b, s, "bs"), (a, s, "as"), (b, c, "bc"))
            )
            for k, total in enumerate((ac - bs, ad + bc)):
                held = pipe(total[self.config.right_shift - 1 : self.config.sum_bits], f"sum_{2 * pair + k}")
                m.d.comb += self.o.payload.y[2 * pair + k].eq(pipe(self._finish(held), f"y_{2 * pair + k}"))
        return m

    def _read(self, m: Module, pipe: Pipe) -> Value:
        """Look up the entries of a beat: cosine and sine of its first pair in the low bits, then the next."""
        config = self.config
        entries = np.stack(config.table, axis=-1).reshape(-1, config.lanes) & ((1 << ENTRY_BITS) - 1)
        words = [sum(entry << ENTRY_BITS * k for k, entry in enumerate(word)) for word in entries.tolist()]
        memory = Memory(shape=config.lanes * ENTRY_BITS, depth=len(words), init=words)
        m.submodules.table = memory
        port = memory.read_port()
        m.d.comb += [port.en.eq(pipe.enable), port.addr.eq(self._address(m))]
        return port.data

    def _address(self, m: Module) -> Value:
        """Count the beats of a head; without a counter if there is but one."""
        parts, position = self.config.parts, self.i.payload.position
        if parts == 1:
            return position
        part, whole = Signal(range(parts)), parts & (parts - 1) == 0
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += part.eq(part + 1 if whole else Mux(part == parts - 1, 0, part + 1))
        return Cat(part, position) if whole else position * parts + part

    def _finish(self, total: Value) -> Value:
        """Round half up by the bit below the unit, the last one that is left; saturate, without a register."""
        floor, up = Cat(Const(1, 1), total[1:]).as_signed(), Cat(total[0], Const(0, 1)).as_signed()
        rounded = (floor + up)[1:].as_signed()  # a set bit below the unit turns the rounding into a carry
        return saturate(rounded, self.config.reach, self.config.out_bits, signed=True)
