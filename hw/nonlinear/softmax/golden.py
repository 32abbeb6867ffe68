# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the softmax: one function per algorithm, exact integers."""

from collections.abc import Callable
from functools import cache

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.elementary.split_exp import SplitExp
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


_ROWS: dict[str, Row] = {"exact": _exact, "online": _online}
