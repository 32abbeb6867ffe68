# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the norms: exact sums, a root and a quotient in whole numbers."""

import math

import numpy as np

from gatewright.hw.core.numerics import Ints, saturate
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.quantise.quantise_rows.golden import quantise


def golden(config: NormConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Normalise every row of ``i``."""
    beats, affine = inputs["i"], inputs["i_weight"]
    rows = packets(beats)
    whole = rows[-1].stop if rows else 0
    q = np.zeros((whole, config.lanes), np.int64)
    scale = np.zeros(whole, np.int64)
    for row in rows:
        x, weight = beats["x"][row], affine["weight"][row]
        if config.output == "static":
            q[row] = normalise(config, x, weight, affine["bias"][row] if config.has_bias else None)
        else:
            q[row], scale[row] = normalise_and_quantise(config, x, weight)
    fields = {"q": q} if config.output == "static" else {"q": q, "scale": scale}
    return {"o": fields | {"last": beats["last"][:whole].copy()}}


def normalise(config: NormConfig, x: Ints, weight: Ints, bias: Ints | None = None) -> Ints:
    """Normalise one row, of any shape; elements that are missing count as zero."""
    total = scaled(config, x, centre(config, x)) * weight
    if bias is not None:
        total = total + (bias << config.unit_fraction)
    half = (1 << config.result_shift) >> 1
    return saturate((total + half) >> config.result_shift, config.out_bits, True)


def normalise_and_quantise(config: NormConfig, x: Ints, weight: Ints) -> tuple[Ints, int]:
    """Normalise one row and quantise it by its largest magnitude; give that as well, in ``2**-scale_fraction``.

    The root cancels from the quotients, so they are exact.
    """
    gained = centre(config, x) * weight
    peak = np.abs(gained).max()
    return quantise(gained, peak, config.quantiser.levels), int(scaled(config, x, peak))


def scaled(config: NormConfig, x: Ints, value: Ints) -> Ints:
    """Multiply by the scale of row ``x``; `unit_fraction` bits of fraction stay."""
    scale, exponent = row_scale(config, radicand(config, x))
    shift = config.unit_shift + (exponent >> config.fine_bits << config.fine_bits)
    # A peak is wider than an element: its product can pass 63 bits.
    product = value.astype(object) * scale
    return np.asarray(product >> shift if shift >= 0 else product << -shift, np.int64)


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
