# SPDX-License-Identifier: BSD-2-Clause
"""The last step of both engines: from a truncated quotient to an activation."""

from dataclasses import dataclass

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.quantise.requantise.config import RequantiseConfig


@dataclass
class Quotient:
    """A product divided by a power of two, and what the division dropped.

    Attributes
    ----------
    magnitude : Value
        Bits of the quotient below its sign, `magnitude_bits` wide.
    negative : Value
        Sign of the product.
    overflow : Value
        Some bit above ``magnitude`` differs from the sign.
    half : Value
        First dropped bit.
    some, every : Value
        Whether some, or every, of the dropped bits below ``half`` is set. Which bits count
        is the contract's affair; `half_up` reads neither.
    """

    magnitude: Value
    negative: Value
    overflow: Value
    half: Value
    some: Value
    every: Value


def magnitude_bits(config: RequantiseConfig) -> int:
    """Width that holds every quotient which does not saturate, sign aside."""
    high = config.code_high - config.zero_point
    low = config.zero_point - config.clamp_low
    return max(high.bit_length(), (low - 1).bit_length() if low > 0 else 0, 1)


def _round_up(config: RequantiseConfig, q: Quotient) -> Value:
    """Decide whether the floored quotient takes one more.

    gemmlowp rounds half up to the first fraction, then half away from zero. Seen from the bits
    below the first rounding's own: a positive quotient goes up from half less one unit on, since
    the first rounding carries into the half; a negative one from half plus one unit on.
    """
    match config.contract:
        case "half_up":
            return q.half
        case "onnx":
            return q.half & (q.some | q.magnitude[0])
        case "gemmlowp":
            return Mux(q.negative, q.half & q.some, q.half | q.every)


def finish(m: Module, config: RequantiseConfig, q: Quotient, name: str) -> Value:
    """Round, add the zero point and saturate, without a register."""
    top = config.code_high.bit_length()  # the highest code is all ones, so every limit is a test of bits
    least = config.zero_point - (1 << len(q.magnitude))
    rounded = _add(m, config, Cat(q.magnitude, q.negative).as_signed(), _round_up(config, q), name)

    # A quotient that overflows leaves no trace in `rounded`, but its sign says where it went.
    too_high = ~q.negative & q.overflow
    if config.zero_point >= 0:
        too_high |= ~q.negative & rounded[top:-1].any()
    else:
        too_high |= ~rounded[-1] & rounded[top:-1].any()
    if config.clamp_low == config.zero_point:  # nothing below the zero point leaves
        too_low = q.negative
    else:
        too_low = q.negative & q.overflow
        if least < config.code_low:
            too_low |= rounded[-1] & (~rounded[top:-1].all() if config.out_signed else Const(1, 1))
    low, high = Const(config.clamp_low), Const(config.code_high)
    return Mux(too_high, high, Mux(too_low, low, rounded))[: config.out_bits]


def _add(m: Module, config: RequantiseConfig, floor: Value, up: Value, name: str) -> Value:
    """Add rounding and zero point on one carry chain, wide enough for the sign."""
    most = config.zero_point + (1 << (len(floor) - 1))
    least = config.zero_point - (1 << (len(floor) - 1))
    size = max(most.bit_length(), (-least - 1).bit_length() if least < 0 else 0, config.out_bits) + 1
    rounded = Signal(size, name=f"{name}_rounded")
    if config.zero_point == 0:
        m.d.comb += rounded.eq(floor + up)
    else:  # a set bit below the unit turns the rounding into a carry
        doubled = Signal(size + 1, name=f"{name}_doubled")
        m.d.comb += doubled.eq(Cat(Const(1, 1), floor).as_signed() + Cat(up, Const(config.zero_point, size)))
        m.d.comb += rounded.eq(doubled[1:])
    return rounded
