# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the softmax: one function per algorithm, exact integers."""

from collections.abc import Callable
from functools import cache

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.elementary.split_exp import FloatExp, SplitExp
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.mask import kept

Row = Callable[[SoftmaxConfig, Ints, Ints], Ints]


def golden(config: SoftmaxConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Turn every row of ``i`` into probabilities."""
    beats = inputs["i"]
    p, keep = np.zeros_like(beats["score"]), kept(config.mask, beats)
    for row in packets(beats):
        p[row] = softmax(config, beats["score"][row], keep[row])
    return {"o": {"p": p, "last": beats["last"].copy()}}


def softmax(config: SoftmaxConfig, score: Ints, keep: Ints) -> Ints:
    """Give the probabilities of one row.

    Parameters
    ----------
    config : SoftmaxConfig
        Algorithm and formats.
    score, keep : array of int
        Beats by lanes; elements whose ``keep`` is 0 get and count 0.
    """
    # Counted from the smallest score, like the tables' indices.
    return _ROWS[config.algorithm](config, score + (1 << (config.score_bits - 1)), keep)


@cache
def exponentials(table: SplitExp) -> Ints:
    """Evaluate a table for all indices."""
    index = np.arange(len(table.high) * len(table.low))
    low = np.array(table.low, object)[index & ((1 << table.low_bits) - 1)]
    return ((np.array(table.high, object)[index >> table.low_bits] * low) >> table.drop).astype(np.int64)


def normalise(config: SoftmaxConfig, e: Ints, numerator: int, total: int) -> Ints:
    """Multiply by the row's reciprocal, round half up, saturate.

    Parameters
    ----------
    e : array of int
        Exponentials with the plan's fraction bits.
    numerator, total : int
        The reciprocal is their quotient, truncated behind ``quotient_bits``. It does not matter
        where ``total`` is 0: then all of ``e`` is.
    """
    plan = config.plan
    if total == 0:
        return np.zeros_like(e)
    reciprocal = (numerator << plan.quotient_bits) // total
    product = (e >> (plan.fraction_bits - plan.kept_bits)) * reciprocal
    return rounded(config, product, plan.kept_bits + plan.quotient_bits)


def rounded(config: SoftmaxConfig, value: Ints, fraction_bits: int) -> Ints:
    """Round to the output's format, half up; 1 becomes all ones."""
    shift = fraction_bits - config.out_bits
    return np.minimum((value + (1 << (shift - 1))) >> shift, (1 << config.out_bits) - 1)


def _exact(config: SoftmaxConfig, index: Ints, keep: Ints) -> Ints:
    """Maximum first, then the sum of exponentials below it."""
    e = _below(config, int((index * keep).max()), index, keep)
    return normalise(config, e, 1 << config.plan.fraction_bits, int(e.sum()))


def _below(config: SoftmaxConfig, highest: int, index: Ints, keep: Ints) -> Ints:
    """Give exponentials below a maximum."""
    assert config.plan.falling is not None
    return exponentials(config.plan.falling)[np.where(keep, highest - index, 0)] * keep


def _online(config: SoftmaxConfig, index: Ints, keep: Ints) -> Ints:
    """Beat by beat: the sum shrinks by the exponential of the maximum's step, which is 1 without a step."""
    assert config.plan.falling is not None
    shrink, one = exponentials(config.plan.falling), config.plan.fraction_bits
    highest, total = 0, 0
    for part, counts in zip(index, keep, strict=True):
        before, highest = highest, max(highest, int((part * counts).max()))
        # Python's integers: the product may need more than 63 bits.
        total = (total * int(shrink[highest - before])) >> one
        total += int(_below(config, highest, part, counts).sum())
    return normalise(config, _below(config, highest, index, keep), 1 << one, total)


def _aligned(config: SoftmaxConfig, index: Ints, keep: Ints) -> tuple[Ints, Ints, int]:
    """Give mantissas, their distances from the greatest exponent, and the sum of all that are aligned to it."""
    table = config.plan.floating
    assert table is not None
    products = numbers(table)
    mantissa, exponent = products[0][index] * keep, products[1][index] * keep
    highest, total = 0, 0
    for m, n in zip(mantissa, exponent, strict=True):
        before, highest = highest, max(highest, int(n.max()))
        total = (total >> (highest - before)) + int((m >> np.minimum(highest - n, 63)).sum())
    return mantissa, np.minimum(highest - exponent, 63), total


@cache
def numbers(table: FloatExp) -> tuple[Ints, Ints]:
    """Evaluate a table for all indices: mantissas and exponents."""
    index = np.arange(len(table.high) * len(table.low))
    low, high = index & ((1 << table.low_bits) - 1), index >> table.low_bits
    product = np.array([m for m, _ in table.high], object)[high] * np.array([m for m, _ in table.low], object)[low]
    exponent = np.array([n for _, n in table.high])[high] + np.array([n for _, n in table.low])[low]
    return (product >> table.drop).astype(np.int64), exponent


def _two_pass(config: SoftmaxConfig, index: Ints, keep: Ints) -> Ints:
    """Add mantissas under a common exponent; the reciprocal of their sum."""
    mantissa, distance, total = _aligned(config, index, keep)
    return normalise(config, mantissa >> distance, 1 << config.plan.fraction_bits, total)


def _base2(config: SoftmaxConfig, index: Ints, keep: Ints) -> Ints:
    """The same sum, taken for a power of two: the next one from 11/8 of a power on."""
    mantissa, distance, total = _aligned(config, index, keep)
    if total == 0:
        return np.zeros_like(index)
    one = 1 << config.plan.fraction_bits
    power = (total // one).bit_length() - 1
    power += 8 * total >= 11 * (one << power)
    places = config.out_bits + 2  # a mantissa is below 4: shifted further it rounds to 0
    shift = places - (distance + power)
    shifted = np.where(shift >= 0, mantissa << np.maximum(shift, 0), 0)
    return rounded(config, shifted, config.plan.fraction_bits + places)


def _fixed_phi(config: SoftmaxConfig, index: Ints, keep: Ints) -> Ints:
    """Sum below a preset score if the maximum is in its range, else below the maximum."""
    highest = int((index * keep).max())
    if not config.lowest <= highest <= config.highest:
        return _exact(config, index, keep)
    assert config.plan.rising is not None
    front = exponentials(config.plan.rising)
    total = int((front[index] * keep).sum())
    return normalise(config, _below(config, highest, index, keep), int(front[highest]), total)


_ROWS: dict[str, Row] = {
    "exact": _exact,
    "online": _online,
    "two_pass": _two_pass,
    "base2": _base2,
    "fixed_phi": _fixed_phi,
}
