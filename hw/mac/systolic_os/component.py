# SPDX-License-Identifier: BSD-2-Clause
"""Output-stationary systolic array."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth import Const, Module, Mux, ResetSignal, Shape, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.multiplier import add_with_carry, multiply_partly
from gatewright.hw.mac.systolic_os.config import SystolicOsConfig


class SystolicOsCell(wiring.Component):
    """One accumulator of the array, with the registers that pass its operands on.

    Members
    -------
    advance : In(1)
        The array moves.
    valid, last : In(1)
        About the product that reaches the accumulator: it counts; it ends a tile.
    a, b : In
        Operands from the left and from above.
    a_next, b_next : Out
        The same, a cycle later.
    total : Out
        Accumulator plus product: the finished sum while ``last`` holds.
    """

    def __init__(self, config: SystolicOsConfig) -> None:
        self.config = config
        act, weight = Shape(config.act_bits, config.act_signed), Shape(config.weight_bits, config.weight_signed)
        super().__init__(
            {
                "advance": In(1), "valid": In(1), "last": In(1),
                "a": In(act), "b": In(weight), "a_next": Out(act), "b_next": Out(weight),
                "total": Out(signed(config.acc_bits)),
            }
        )  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Build operand registers, multiplier and accumulator."""
        m = Module()
        config = self.config
        a = Signal.like(self.a, name="a_held", reset_less=True)
        b = Signal.like(self.b, name="b_held", reset_less=True)
        m.d.comb += [self.a_next.eq(a), self.b_next.eq(b)]
        product, carry = multiply_partly(m, a, b, config.multiplier)
        with m.If(self.advance):
            m.d.sync += [a.eq(self.a), b.eq(self.b)]
        if config.product_register:
            held = Signal(product.shape(), name="product", reset_less=True)
            held_carry = carry if isinstance(carry, Const) else Signal(name="carry", reset_less=True)
            with m.If(self.advance):
                m.d.sync += held.eq(product)
                if isinstance(held_carry, Signal):
                    m.d.sync += held_carry.eq(carry)
            product, carry = held, held_carry

        # As in `Pe`: a finished sum leaves from the adder while the accumulator clears by its reset pin.
        accumulator = Signal(signed(config.acc_bits), reset_less=True)
        m.d.comb += self.total.eq(add_with_carry(accumulator, product, carry))
        with m.If((self.advance & self.valid) | ResetSignal()):
            m.d.sync += accumulator.eq(self.total)
            with m.If(self.last | ResetSignal()):
                m.d.sync += accumulator.eq(0)
        return m


class SystolicOs(RoomComponent):
    """Accumulate ``rows x cols`` dot products, one term of each per cycle.

    Members
    -------
    i : In(stream)
        ``a`` (rows, 1), ``b`` (1, cols), ``last``: one packet per result tile.
    o : Out(stream)
        ``sum`` (cols,), ``last``: the rows of the tile, one per cycle.

    Cell (r, c) works ``r + c`` cycles after cell (0, 0), so flags are kept once per diagonal. In
    each column one cell finishes per cycle, row 0 first: a multiplexer per column takes the sums
    and a delay per column puts rows straight again. The whole array stands still while a row
    waits at the output.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: SystolicOsConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build skew, cells, column multiplexers and deskew."""
        m = Module()
        config: SystolicOsConfig = self.config
        rows, cols = config.rows, config.cols
        advance = Signal()
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)
        taken = self._admit(m, advance)

        # Flags of the product at the accumulators, by diagonal; the lowest bit is diagonal 0.
        ahead = 1 + int(config.product_register)
        valid, last = Signal(ahead + rows + cols - 2), Signal(ahead + rows + cols - 2)
        with m.If(advance):
            m.d.sync += [valid.eq((valid << 1) | taken), last.eq((last << 1) | (taken & self.i.payload.last))]

        cells = [[SystolicOsCell(config) for _ in range(cols)] for _ in range(rows)]
        a_edge = [delay(m, advance, self.i.payload.a[row][0], row, f"a_{row}") for row in range(rows)]
        b_edge = [delay(m, advance, self.i.payload.b[0][col], col, f"b_{col}") for col in range(cols)]
        for row in range(rows):
            for col in range(cols):
                cell = cells[row][col]
                m.submodules[f"cell_{row}_{col}"] = cell
                at = ahead - 1 + row + col
                m.d.comb += [
                    cell.advance.eq(advance), cell.valid.eq(valid[at]), cell.last.eq(last[at]),
                    cell.a.eq(cells[row][col - 1].a_next if col else a_edge[row]),
                    cell.b.eq(cells[row - 1][col].b_next if row else b_edge[col]),
                ]  # fmt: skip

        for col in range(cols):
            done = [last[ahead - 1 + row + col] for row in range(rows)]
            taken_sum = reduce(or_, (Mux(flag, cells[row][col].total, 0) for row, flag in enumerate(done)))
            row_sum = delay(m, advance, taken_sum, cols - col, f"sum_{col}")
            m.d.comb += self.o.payload.sum[col].eq(row_sum)
        leaving = last[ahead + cols - 2 :]
        with m.If(advance):
            m.d.sync += [self.o.valid.eq(leaving.any()), self.o.payload.last.eq(leaving[-1])]
        return m

    def _admit(self, m: Module, advance: Value) -> Value:
        """Give whether a beat is taken: final beats keep ``rows`` cycles apart."""
        rows = self.config.rows
        wait = Signal(range(rows))
        allowed = ~self.i.payload.last | (wait == 0)
        m.d.comb += self.i.ready.eq(advance & allowed)
        taken = self.i.valid & allowed
        with m.If(advance):
            with m.If(taken & self.i.payload.last):
                m.d.sync += wait.eq(rows - 1)
            with m.Elif(wait != 0):
                m.d.sync += wait.eq(wait - 1)
        return taken


def delay(m: Module, advance: Value, value: Value, steps: int, name: str) -> Value:
    """Delay a value by a number of moving cycles."""
    for step in range(steps):
        stage = Signal(value.shape(), name=f"{name}_{step}", reset_less=True)
        with m.If(advance):
            m.d.sync += stage.eq(value)
        value = stage
    return value
