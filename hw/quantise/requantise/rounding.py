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
    size = len(q.magnitude)
    rounded = Signal(config.out_bits + 3, name=f"{name}_rounded")
    floor = Cat(q.magnitude, q.negative).as_signed()
    signed_rounded = rounded.as_signed()
    m.d.comb += rounded.eq(floor + Const(config.zero_point) + _round_up(config, q))

    too_high, too_low = ~q.negative & q.overflow, q.negative & q.overflow
    if config.clamp_low == config.zero_point:  # nothing below the zero point leaves
        too_low = q.negative
    if (1 << size) + config.zero_point > config.code_high:
        too_high |= ~q.negative & (signed_rounded > config.code_high)
    if config.clamp_low != config.zero_point and config.zero_point - (1 << size) < config.clamp_low:
        too_low |= signed_rounded < config.clamp_low
    low, high = (Const(code, config.out_bits) for code in (config.clamp_low, config.code_high))
    return Mux(too_high, high, Mux(too_low, low, rounded[: config.out_bits]))
