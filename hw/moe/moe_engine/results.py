# SPDX-License-Identifier: BSD-2-Clause
"""The two ways of a linear layer's results: through an activation to a memory of rows, or weighted onto a row."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.nonlinear.activation.component import Activation
from gatewright.hw.nonlinear.activation.config import ActivationConfig


class Hide(wiring.Component):
    """Saturate results to 8 bits, apply the activation, write them.

    Parameters
    ----------
    activation : ActivationConfig
        The function; its lanes are the results of a beat.
    word : int
        Elements of a word of the memory.
    address_bits : int
        Width of its address.

    Members
    -------
    valid, last, y : In
        A beat of results; the row's last.
    base : In
        Address of the row's first word.
    address, data, enable : Out
        Write port, an enable for each ``lanes`` elements; ``activation.latency`` cycles behind the beat.
    done : Out(1)
        A row's last beat is written.
    """

    def __init__(self, activation: ActivationConfig, word: int, address_bits: int) -> None:
        self.activation, self.parts = activation, word // activation.lanes
        lanes = activation.lanes
        super().__init__({
            "valid": In(1), "last": In(1), "y": In(data.ArrayLayout(signed(16), lanes)), "base": In(address_bits),
            "address": Out(address_bits), "data": Out(8 * lanes), "enable": Out(self.parts), "done": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Count words and their parts; the address travels beside the activation."""
        m = Module()
        m.submodules.activation = unit = Activation(self.activation)
        m.d.comb += [unit.i.valid.eq(self.valid), unit.i.payload.last.eq(self.last), unit.o.ready.eq(1)]
        m.d.comb += [unit.i.payload.x[lane].eq(saturate(value, 8)) for lane, value in enumerate(self.y)]
        word, part = Signal.like(self.base), Signal(range(max(2, self.parts)))
        with m.If(self.valid):
            ends = part == self.parts - 1
            m.d.sync += [part.eq(Mux(ends | self.last, 0, part + 1)), word.eq(Mux(self.last, 0, word + ends))]
        address: Value = (self.base + word)[: len(self.base)]
        enable: Value = Cat((part == index) for index in range(self.parts)) if self.parts > 1 else Const(1, 1)
        for _ in range(self.activation.latency):
            held = Signal.like(self.address, name="held", reset_less=True), Signal(self.parts, reset_less=True)
            m.d.sync += [held[0].eq(address), held[1].eq(enable)]
            address, enable = held
        m.d.comb += [
            self.address.eq(address), self.data.eq(unit.o.payload.y.as_value()),
            self.enable.eq(enable & unit.o.valid.replicate(self.parts)),
            self.done.eq(unit.o.valid & unit.o.payload.last),
        ]  # fmt: skip
        return m


class Weigh(wiring.Component):
    """Multiply results with a weight, round half up, add them to what a memory holds.

    Parameters
    ----------
    bits, lanes : int
        Width and count of the elements of a beat.
    weight_bits, fraction : int
        Width of the weight, and its fraction bits.
    address_bits : int
        Width of the memory's address.

    Members
    -------
    valid, last, final, y, weight, address : In
        A beat of results, never waiting; the row's last, and that of the last row of all; where it belongs.
    get_address, base : Out, In
        Read port: ``base`` a cycle behind the address.
    put, put_address, total : Out
        Write port, three cycles behind the beat.
    done, all_done : Out(1)
        A row's last beat is written; that of the last row.
    """

    def __init__(self, bits: int, lanes: int, weight_bits: int, fraction: int, address_bits: int) -> None:
        self.bits, self.lanes, self.fraction = bits, lanes, fraction
        super().__init__({
            "valid": In(1), "last": In(1), "final": In(1), "y": In(data.ArrayLayout(signed(bits), lanes)),
            "weight": In(weight_bits), "address": In(address_bits), "get_address": Out(address_bits),
            "base": In(bits * lanes), "put": Out(1), "put_address": Out(address_bits), "total": Out(bits * lanes),
            "done": Out(1), "all_done": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Register operands, products and sums; read beside the products."""
        m = Module()
        valid, ends, address = self.valid, Cat(self.last, self.last & self.final), self.address
        for index in range(3):
            held = Signal(name="valid"), Signal(2, name="ends", reset_less=True), Signal.like(address, reset_less=True)
            m.d.sync += Cat(held).eq(Cat(valid, ends, address))
            valid, ends, address = held
            if index == 0:
                m.d.comb += self.get_address.eq(address)
        m.d.comb += [self.put.eq(valid), self.put_address.eq(address)]
        m.d.comb += [self.done.eq(valid & ends[0]), self.all_done.eq(valid & ends[1])]
        weight = Signal.like(self.weight, reset_less=True)
        m.d.sync += weight.eq(self.weight)
        for lane in range(self.lanes):
            y, total = Signal(signed(self.bits), reset_less=True), Signal(self.bits, reset_less=True)
            product = Signal(signed(self.bits + len(weight)), reset_less=True)
            rounded = (product + (1 << (self.fraction - 1))) >> self.fraction
            wide = rounded + self.base.word_select(lane, self.bits).as_signed()
            summed = Signal(wide.shape())  # named, or else every bit that `saturate` looks at repeats the addition
            m.d.comb += summed.eq(wide)
            m.d.sync += [y.eq(self.y[lane]), product.eq(y * weight), total.eq(saturate(summed, self.bits))]
            m.d.comb += self.total.word_select(lane, self.bits).eq(total)
        return m


def saturate(value: Value, bits: int) -> Value:
    """Clamp a signed value to ``bits`` bits, two's complement."""
    if len(value) <= bits:
        return value
    above = value[bits - 1 :]
    fits = above.all() | ~above.any()
    sign = value[-1]
    clamped = Cat((~sign).replicate(bits - 1), sign)
    return Mux(fits, value[:bits], clamped).as_signed()
