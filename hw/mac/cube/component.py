# SPDX-License-Identifier: BSD-2-Clause
"""Cube array."""

from typing import Any

from amaranth import Module, ResetSignal, Signal, Value, signed
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.cube.config import CubeConfig
from gatewright.hw.mac.multiplier import multiply


class Cube(RoomComponent):
    """Accumulate ``rows x cols`` dot products, ``depth`` terms of each per cycle.

    Members
    -------
    i : In(stream)
        ``a`` (rows, depth), ``b`` (depth, cols), ``last``: one packet per result tile.
    o : Out(stream)
        ``sum`` (cols,), ``last``: the rows of the tile, one per cycle.

    A beat walks through `stages` registers (products, levels of the adder tree) into the
    accumulators. A tile's final sums go into drain registers, and the next tile follows in the next
    cycle. The whole pipeline stands still while a final beat waits for the drain registers.
    """

    config: CubeConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: CubeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build pipeline, accumulators and drain."""
        m = Module()
        config = self.config
        go = Signal()
        m.d.comb += self.i.ready.eq(go)

        valid, last = self._flags(m, go)
        sums = [[self._dot(m, go, row, col) for col in range(config.cols)] for row in range(config.rows)]

        # A finished sum goes from the adder straight to the drain, and the accumulator clears: that
        # takes its reset pin, no multiplexer. That pin may be gated by the enable, so reset enables.
        totals = self._each("total", False)
        accumulators = self._each("acc", True)
        done = valid & last
        for row in range(config.rows):
            for col in range(config.cols):
                m.d.comb += totals[row][col].eq(accumulators[row][col] + sums[row][col])
        with m.If((go & valid) | ResetSignal()):
            for row in range(config.rows):
                m.d.sync += [accumulators[row][col].eq(totals[row][col]) for col in range(config.cols)]
            with m.If(last | ResetSignal()):
                for row in range(config.rows):
                    m.d.sync += [accumulators[row][col].eq(0) for col in range(config.cols)]
        free = self._drain(m, done, totals)
        m.d.comb += go.eq(~done | free)
        return m

    def _flags(self, m: Module, go: Signal) -> tuple[Value, Value]:
        """Carry valid and last beside the data to the accumulators."""
        valid: Value = self.i.valid
        last: Value = self.i.payload.last
        for stage in range(self.config.stages):
            next_valid = Signal(name=f"valid_{stage}")
            next_last = Signal(name=f"last_{stage}", reset_less=True)
            with m.If(go):
                m.d.sync += [next_valid.eq(valid), next_last.eq(last)]
            valid, last = next_valid, next_last
        return valid, last

    def _each(self, name: str, register: bool) -> list[list[Signal]]:
        """Make a signal of accumulator width for every element of the tile; registers keep no reset."""
        shape, cols = signed(self.config.acc_bits), range(self.config.cols)
        return [
            [Signal(shape, name=f"{name}_{row}_{col}", reset_less=register) for col in cols]
            for row in range(self.config.rows)
        ]

    def _dot(self, m: Module, go: Signal, row: int, col: int) -> Value:
        """Build one dot product: multipliers and a balanced adder tree."""
        config = self.config
        terms: list[Value] = []
        for index in range(config.depth):
            act, weight = self.i.payload.a[row][index], self.i.payload.b[index][col]
            term = multiply(m, act, weight, config.multiplier)
            terms.append(self._stage(m, go, config.product_register, term, f"product_{row}_{col}_{index}"))
        level = 0
        while len(terms) > 1:
            pairs = [sum(terms[at + 1 : at + 2], start=terms[at]) for at in range(0, len(terms), 2)]
            terms = [
                self._stage(m, go, config.tree_registers, pair, f"tree_{row}_{col}_{level}_{at}")
                for at, pair in enumerate(pairs)
            ]
            level += 1
        return terms[0]

    @staticmethod
    def _stage(m: Module, go: Signal, registered: bool, value: Value, name: str) -> Value:
        """Put a register after a value, if asked for."""
        if not registered:
            return value
        stage = Signal(value.shape(), name=name, reset_less=True)
        with m.If(go):
            m.d.sync += stage.eq(value)
        return stage

    def _drain(self, m: Module, done: Value, totals: list[list[Signal]]) -> Value:
        """Take finished tiles and give their rows; return whether a tile may enter now."""
        config = self.config
        kept = self._each("drain", True)
        waiting = Signal(config.rows)  # one bit per row still to go, the next one lowest
        m.d.comb += [self.o.valid.eq(waiting[0]), self.o.payload.last.eq(waiting[1:] == 0)]
        m.d.comb += [self.o.payload.sum[col].eq(kept[0][col]) for col in range(config.cols)]
        free = ~waiting[0] | (self.o.payload.last & self.o.ready)
        with m.If(self.o.ready):
            m.d.sync += waiting.eq(waiting >> 1)
            for row in range(config.rows - 1):
                m.d.sync += [kept[row][col].eq(kept[row + 1][col]) for col in range(config.cols)]
        with m.If(done & free):
            m.d.sync += waiting.eq(-1)
            for row in range(config.rows):
                m.d.sync += [kept[row][col].eq(totals[row][col]) for col in range(config.cols)]
        return free
