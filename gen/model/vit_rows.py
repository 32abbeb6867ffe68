# SPDX-License-Identifier: BSD-2-Clause
"""Norm, softmax and product over many rows at once: the numbers of the rooms' goldens, in a fraction of their time."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints, saturate
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.golden import exponentials, rounded


def norm_rows(config: NormConfig, x: Ints, gain: Ints, bias: Ints | None) -> Ints:
    """Normalise rows ``(..., elements)`` as the room ``norm`` does with a static output."""
    assert config.output == "static"
    centred, scale, shift = row_scales(config, x)
    product = centred * scale
    unit = np.where(shift >= 0, product >> np.maximum(shift, 0), product << np.maximum(-shift, 0))
    result = unit * gain + (0 if bias is None else bias << config.unit_fraction)
    return saturate((result + ((1 << config.result_shift) >> 1)) >> config.result_shift, config.out_bits, True)


def row_scales(config: NormConfig, x: Ints) -> tuple[Ints, Ints, Ints]:
    """Give what the norm scales, and for each row the scale and the right shift that bring it to a unit."""
    assert config.radicand_most < 1 << 52, "float64 must hold the radicand"
    total = x.sum(axis=-1, keepdims=True)
    squares = (x * x).sum(axis=-1, keepdims=True) + config.epsilon
    if config.kind == "layer":
        value, centred = config.elements * squares - total**2, config.elements * x - total
    else:
        value, centred = squares, x
    some = np.maximum(value, config.radicand_least)
    digits = (np.frexp(some.astype(np.float64))[1] + 1) // 2
    spare = config.root_bits - digits
    top = np.where(spare >= 0, some << 2 * np.maximum(spare, 0), some >> 2 * np.maximum(-spare, 0))
    root = np.floor(np.sqrt(top.astype(np.float64))).astype(np.int64)
    exponent = config.root_steps - config.root_bits - (config.pairs - digits)
    fine = 1 << config.fine_bits
    scale = (config.numerator << (config.quotient_bits + fine - 1 - exponent % fine)) // (2 * root + 1)
    scale = np.where(value < config.radicand_least, 0, scale)  # then all of `centred` is 0
    return centred, scale, config.unit_shift + exponent // fine * fine


def softmax_rows(config: SoftmaxConfig, score: Ints) -> Ints:
    """Give the probabilities of rows ``(..., elements)`` as the room ``softmax`` does by algorithm exact."""
    plan = config.plan
    assert config.algorithm == "exact"
    assert plan.falling is not None
    e = exponentials(plan.falling)[score.max(axis=-1, keepdims=True) - score]
    reciprocal = (1 << (plan.fraction_bits + plan.quotient_bits)) // e.sum(axis=-1, keepdims=True)
    product = (e >> (plan.fraction_bits - plan.kept_bits)) * reciprocal
    return rounded(config, product, plan.kept_bits + plan.quotient_bits)


def product(x: Ints, weights: NDArray[np.integer]) -> Ints:
    """Give ``x @ weights`` exactly: floats, whose product is fast, hold every partial sum of small integers."""
    most = int(np.abs(x).max(initial=0)) * int(np.abs(weights.astype(np.int64)).max(initial=0)) * x.shape[-1]
    assert most < 1 << 53
    kind = np.float32 if most < 1 << 24 else np.float64
    return (x.astype(kind) @ weights.astype(kind)).astype(np.int64)
