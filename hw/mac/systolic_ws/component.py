# SPDX-License-Identifier: BSD-2-Clause
"""Weight-stationary systolic array."""

from typing import Any

from amaranth import Const, Module, Shape, Signal, Value, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.multiplier import add_with_carry, multiply_partly
from gatewright.hw.mac.systolic_os.component import delay
from gatewright.hw.mac.systolic_ws.config import SystolicWsConfig


class SystolicWsCell(wiring.Component):
    """One weight of the array, its successor, and the adder that extends a column's sum.

    Members
    -------
    advance : In(1)
        The array moves.
    load, w : In
        Take the successor's value.
    swap : In(1)
        The successor becomes the weight, in time for the activation that arrives next.
    a : In
        The activation of this cycle.
    above : In
        Sum of the rows above; absent in row 0.
    total : Out
        Sum of the rows down to this one, registered.
    """

    def __init__(self, config: SystolicWsConfig, row: int) -> None:
        self.config, self.row = config, row
        ports: dict[str, Any] = {
            "advance": In(1), "load": In(1), "swap": In(1),
            "w": In(Shape(config.weight_bits, config.weight_signed)),
            "a": In(Shape(config.act_bits, config.act_signed)),
            "total": Out(signed(config.sum_bits(row + 1))),
        }  # fmt: skip
        if row:
            ports["above"] = In(signed(config.sum_bits(row)))
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        """Build weight registers, multiplier and adder."""
        m = Module()
        weight, successor = (Signal.like(self.w, name=name, reset_less=True) for name in ("weight", "successor"))
        with m.If(self.load):
            m.d.sync += successor.eq(self.w)
        with m.If(self.advance & self.swap):
            m.d.sync += weight.eq(successor)
        product, carry = multiply_partly(m, self.a, weight, self.config.multiplier)
        if self.row == 0:
            product, carry = add_with_carry(Const(0, 1), product, carry), Const(0, 1)
        elif self.config.product_register:
            held = Signal(product.shape(), name="product", reset_less=True)
            held_carry = carry if isinstance(carry, Const) else Signal(name="carry", reset_less=True)
            with m.If(self.advance):
                m.d.sync += held.eq(product)
                if isinstance(held_carry, Signal):
                    m.d.sync += held_carry.eq(carry)
            product, carry = held, held_carry
        total = Signal.like(self.total, name="total_held", reset_less=True)
        m.d.comb += self.total.eq(total)
        with m.If(self.advance):
            m.d.sync += total.eq(add_with_carry(self.above, product, carry) if self.row else product)
        return m


class SystolicWs(RoomComponent):
    """Multiply activation vectors with a tile of weights, one vector per cycle.

    Members
    -------
    i_weight : In(stream)
        ``w`` (cols,), ``last``: a tile is exactly ``rows`` beats, beat k the weights of term k.
    i : In(stream)
        ``a`` (rows,), ``last``: a packet meets one weight tile, the next packet the next tile.
    o : Out(stream)
        ``sum`` (cols,), ``last``: one beat per beat of ``i``.

    The first beat of a packet carries a swap flag through the array, along the same diagonals as
    the data: each cell exchanges its weight just in time, so packets follow without a bubble. A
    row's successors may load again once the swap has passed its last column.
    """

    i_weight: stream.Interface
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: SystolicWsConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build flags, cells, skew and deskew."""
        m = Module()
        config: SystolicWsConfig = self.config
        rows, cols, groups = config.rows, config.cols, config.groups
        advance, fresh, tile_ready = Signal(), Signal(init=1), Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), self.i.ready.eq(advance & (~fresh | tile_ready))]
        taken = self.i.valid & (~fresh | tile_ready)
        with m.If(advance & taken):
            m.d.sync += fresh.eq(self.i.payload.last)

        valid, last = Signal(config.latency), Signal(config.latency)
        with m.If(advance):
            m.d.sync += [valid.eq((valid << 1) | taken), last.eq((last << 1) | self.i.payload.last)]
        m.d.comb += [self.o.valid.eq(valid[-1]), self.o.payload.last.eq(last[-1])]

        # Bit d: a packet's first beat reaches the cells of diagonal d with the next move.
        passed = Signal(rows + groups)
        swap = Signal(rows + groups)
        m.d.comb += swap.eq((passed << 1) | (taken & fresh))
        with m.If(advance):
            m.d.sync += passed.eq(swap)
        load = self._successors(m, advance, taken & fresh, swap, tile_ready)

        column: list[Any] = [None] * cols
        for row in range(rows):
            a: Value = delay(m, advance, self.i.payload.a[row], config.skew(row), f"a_{row}_skew")
            for col in range(cols):
                group = col // config.hop
                if col % config.hop == 0:
                    a = delay(m, advance, a, 1, f"a_{row}_{group}")
                cell = SystolicWsCell(config, row)
                m.submodules[f"cell_{row}_{col}"] = cell
                m.d.comb += [
                    cell.advance.eq(advance), cell.load.eq(load[row]), cell.swap.eq(swap[config.skew(row) + group]),
                    cell.w.eq(self.i_weight.payload.w[col]), cell.a.eq(a),
                ]  # fmt: skip
                if row:
                    m.d.comb += cell.above.eq(column[col].total)
                column[col] = cell
        for col in range(cols):
            total = delay(m, advance, column[col].total, groups - 1 - col // config.hop, f"sum_{col}")
            m.d.comb += self.o.payload.sum[col].eq(total)
        return m

    def _successors(self, m: Module, advance: Value, start: Value, swap: Value, tile_ready: Signal) -> Value:
        """Track which rows hold a successor; give the rows' load strobes."""
        config: SystolicWsConfig = self.config
        full = Signal(config.rows)
        target = Signal(config.rows, init=1)  # one bit: the row that the next beat fills
        load = Signal(config.rows)
        m.d.comb += self.i_weight.ready.eq((full & target) == 0)
        fire = self.i_weight.valid & self.i_weight.ready
        m.d.comb += load.eq(target & fire.replicate(config.rows))
        for row in range(config.rows):
            with m.If(load[row]):
                m.d.sync += full[row].eq(1)
            with m.Elif(advance & swap[config.skew(row) + config.groups - 1]):
                m.d.sync += full[row].eq(0)
        with m.If(fire):
            m.d.sync += target.eq(target.rotate_left(1))
        with m.If(load[-1]):
            m.d.sync += tile_ready.eq(1)
        with m.Elif(advance & start):
            m.d.sync += tile_ready.eq(0)
        return load
