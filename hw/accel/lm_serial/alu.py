# SPDX-License-Identifier: BSD-2-Clause
"""The one multiplier, with what it adds to and the shift behind it."""

from typing import Any

from amaranth import Module, Mux, Signal, Value, signed

from gatewright.hw.accel.lm_core.rows import clip


class Alu:
    """Multiply, perhaps add to the product before; shift, perhaps round: two cycles from factors to result.

    Attributes
    ----------
    a, b : Signal
        Factors; 0 if nobody drives them.
    keep : Signal
        Add to what `total` holds. With factors of 0 it holds that.
    double : Signal
        Shift `total` left by two, in this very cycle, in place of all that.
    shift : Signal
        Right shift of the result, less one, which comes with the factors.
    half : Signal
        Round it half up, else cut.
    total : Signal
        The product, or sum, a cycle after the factors.
    result : Signal
        The same, shifted.
    """

    def __init__(self, m: Module, config: Any) -> None:
        first, second = config.factor_bits
        bits = max(first + second, 2 * config.pairs + 1)
        self.a, self.b = Signal(signed(first)), Signal(signed(second))
        self.keep, self.double, self.half = Signal(), Signal(), Signal()
        self.shift = Signal(5)
        self.total, self.result = Signal(signed(bits)), Signal(signed(bits))
        a, b, adds = Signal.like(self.a), Signal.like(self.b), Signal()
        amounts, ups = (Signal(5), Signal(5)), (Signal(), Signal())
        product = Signal(signed(first + second))
        m.d.comb += [product.eq(a * b), self.result.eq(((self.total >> amounts[1]) + ups[1]) >> 1)]
        m.d.sync += [
            a.eq(self.a), b.eq(self.b), adds.eq(self.keep), amounts[0].eq(self.shift), ups[0].eq(self.half),
            self.total.eq(Mux(self.double, self.total << 2, Mux(adds, self.total, 0) + product)),
            amounts[1].eq(amounts[0]), ups[1].eq(ups[0]),
        ]  # fmt: skip

    def multiply(self, a: Any, b: Any, shift: Any, half: bool) -> list[Any]:
        """Give the assignments of a product; ``shift`` is the whole right shift."""
        return [self.a.eq(a), self.b.eq(b), self.shift.eq(shift - 1), self.half.eq(half)]

    def clipped(self, bits: int) -> Value:
        """Saturate the result, two's complement."""
        return clip(self.result, bits)
