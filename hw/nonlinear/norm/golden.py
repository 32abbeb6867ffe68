# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the norms: exact sums, a root and a quotient in whole numbers."""

import math

import numpy as np

from gatewright.hw.core.numerics import Ints, saturate
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.nonlinear.norm.config import NormConfig


def golden(config: NormConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Normalise every row of ``i``."""
    beats, affine = inputs["i"], inputs["i_weight"]
    rows = packets(beats)
    parts = [np.zeros((0, config.lanes), np.int64)]
    for row in rows:
        bias = affine["bias"][row] if config.kind == "layer" else None
        parts.append(normalise(config, beats["x"][row], affine["weight"][row], bias))
    ends = [row.stop for row in rows[-1:]]
    return {"o": {"q": np.concatenate(parts), "last": beats["last"][: sum(ends)].copy()}}


def normalise(config: NormConfig, x: Ints, weight: Ints, bias: Ints | None = None) -> Ints:
    """Normalise one row, of any shape; elements that are missing count as zero."""
    centred = centre(config, x)
    scale, exponent = row_scale(config, radicand(config, x))
    shift = config.unit_shift + (exponent >> config.fine_bits << config.fine_bits)
    product = centred * scale
    unit = product >> shift if shift >= 0 else product << -shift
    total = unit * weight
    if bias is not None:
        total = total + (bias << config.unit_fraction)
    half = (1 << config.result_shift) >> 1
    return saturate((total + half) >> config.result_shift, config.out_bits, True)


def centre(config: NormConfig, x: Ints) -> Ints:
    """Give the numerator of the norm."""
    return x if config.kind == "rms" else config.elements * x - x.sum()


def radicand(config: NormConfig, x: Ints) -> int:
    """Give what the norm divides by the root of: exact, and never negative."""
    squares = int((x * x).sum()) + config.epsilon
    return squares if config.kind == "rms" else config.elements * squares - int(x.sum()) ** 2


def row_scale(config: NormConfig, value: int) -> tuple[int, int]:
    """Turn a radicand into scale and exponent: ``scale * 2**-exponent`` is in proportion to the inverse root."""
    if value < config.radicand_least:  # all numerators are zero
        return 0, 0
    digits = (value.bit_length() + 1) // 2
    spare = config.root_bits - digits
    root = math.isqrt(value << (2 * spare) if spare >= 0 else value >> (-2 * spare))
    exponent = config.root_steps - config.root_bits - (config.pairs - digits)
    extra = (1 << config.fine_bits) - 1 - exponent % (1 << config.fine_bits)
    return (config.numerator << (config.quotient_bits + extra)) // (2 * root + 1), exponent
