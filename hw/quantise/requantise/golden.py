# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the requantiser: exact integers, written from the published definitions."""

import numpy as np

from gatewright.hw.core.numerics import Ints, shift_right
from gatewright.hw.core.ports import Beats
from gatewright.hw.quantise.requantise.config import RequantiseConfig


def golden(config: RequantiseConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Requantise every beat of ``i``."""
    beats = inputs["i"]
    multiplier = beats["multiplier"]
    code = beats.get("shift", np.zeros_like(multiplier))
    if config.scope == "tensor":
        multiplier, code = multiplier[:, np.newaxis], code[:, np.newaxis]
    shift = config.shift_min + config.shift_step * code
    return {"o": {"q": requantise(config, beats["acc"], multiplier, shift), "last": beats["last"].copy()}}


def requantise(config: RequantiseConfig, acc: Ints, multiplier: Ints, shift: Ints) -> Ints:
    """Turn accumulators into activations.

    Parameters
    ----------
    config : RequantiseConfig
        Contract, widths, zero point.
    acc, multiplier, shift : array of int
        Broadcast against each other; ``shift`` is the right shift in bits.

    Returns
    -------
    array of int64
        Activations in ``config.clamp_low..config.code_high``.
    """
    if config.product_bits > 62 or config.total_shift_max > 61:  # int64 would wrap: Python integers instead
        acc, multiplier = np.asarray(acc).astype(object), np.asarray(multiplier).astype(object)
        shift = np.asarray(shift).astype(object)
    match config.contract:
        case "onnx":
            scaled = shift_right(acc * multiplier, shift, "half_even")
        case "half_up":
            scaled = shift_right(acc * multiplier, shift, "half_up")
        case "gemmlowp":
            high = doubling_high_multiply(acc, multiplier, config.fraction_bits)
            scaled = rounding_divide_by_power_of_two(high, shift)
    return np.clip(scaled + config.zero_point, config.clamp_low, config.code_high).astype(np.int64)


def doubling_high_multiply(acc: Ints, multiplier: Ints, fraction_bits: int) -> Ints:
    """Multiply by a fraction as gemmlowp's saturating rounding doubling high multiply does.

    The product gets a nudge of half a unit with its own sign (less one below zero) and is divided
    with truncation towards zero. Only the product of the two most negative words saturates.
    """
    product = acc * multiplier
    half = 1 << (fraction_bits - 1)
    nudged = product + np.where(product >= 0, half, 1 - half)
    quotient = abs(nudged) // (1 << fraction_bits)
    signed = np.where(nudged < 0, -quotient, quotient)
    return np.minimum(signed, (1 << 31) - 1)


def rounding_divide_by_power_of_two(value: Ints, exponent: Ints) -> Ints:
    """Divide by ``2**exponent`` and round half away from zero, by remainder and threshold."""
    mask = (np.ones_like(exponent) << exponent) - 1
    remainder = value & mask
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + (remainder > threshold)
