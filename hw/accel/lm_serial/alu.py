# SPDX-License-Identifier: BSD-2-Clause
"""The one multiplier, with what it adds to and the shift behind it."""

from typing import Any

from amaranth import Module, Mux, Signal, Value, signed

from gatewright.hw.accel.lm_core.rows import clip


class Alu:
    """Multiply, perhaps add to the product before; a cycle later shift, perhaps round.

    Attributes
    ----------
    a, b : Signal
        Factors; 0 if nobody drives them.
    keep : Signal
        Add to what `total` holds. With factors of 0 it holds that.
    double : Signal
        Shift `total` left by two in place of all that.
    shift : Signal
        Right shift of the result, less one, which comes with the factors.
    half : Signal
        Round it half up, else cut.
    total : Signal
        The product, or sum, registered.
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
        amount, up, product = Signal(5), Signal(), Signal(signed(first + second))
        m.d.comb += [
            product.eq(self.a * self.b), self.result.eq(((self.total >> amount) + up) >> 1),
        ]  # fmt: skip
        m.d.sync += [
            self.total.eq(Mux(self.double, self.total << 2, Mux(self.keep, self.total, 0) + product)),
            amount.eq(self.shift), up.eq(self.half),
        ]  # fmt: skip

    def multiply(self, a: Any, b: Any, shift: Any, half: bool) -> list[Any]:
        """Give the assignments of a product; ``shift`` is the whole right shift."""
        return [self.a.eq(a), self.b.eq(b), self.shift.eq(shift - 1), self.half.eq(half)]

    def clipped(self, bits: int) -> Value:
        """Saturate the result, two's complement."""
        return clip(self.result, bits)
