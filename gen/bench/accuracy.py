# SPDX-License-Identifier: BSD-2-Clause
"""How far integer results lie from the real function, in float64: scalars, and rows of softmax."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints

Reals = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Errors of one unit, in units of its own output.

    Attributes
    ----------
    lsb : float
        Real value of one unit of the output.
    max_lsb, mean_lsb : float
        Error against float64 on the unit's own input codes.
    inputs : str
        What was evaluated.
    bound_lsb : float or None
        What the config guarantees for all inputs.
    table_bits : int or None
        Bits in tables, of units that have some.
    """

    lsb: float
    max_lsb: float
    mean_lsb: float
    inputs: str
    bound_lsb: float | None = None
    table_bits: int | None = None

    @property
    def max_real(self) -> float:
        """Greatest error as a real number: comparable between output formats."""
        return self.max_lsb * self.lsb

    def as_json(self) -> dict[str, Any]:
        """Give the figures as plain data."""
        return {**asdict(self), "max_real": self.max_real}


@dataclass(frozen=True, kw_only=True)
class RowAccuracy(Accuracy):
    """Errors of a softmax over many rows.

    Attributes
    ----------
    real_max : float
        Greatest error of a probability against softmax of the scores before quantisation.
        All but the errors against codes are over the drawn rows, without the hard ones.
    kl : float
        Mean Kullback-Leibler divergence, in nats, of the result from softmax of the scores before
        quantisation; zeros count as half a unit, rows are scaled to sum to 1.
    flips : float
        Share of drawn rows whose first greatest probability is not where the greatest score was
        before quantisation.
    code_flips : float
        Share of rows in which no element with the greatest score code has the greatest probability.
    sum_min, sum_max : float
        Extremes of the sum of a drawn row of 64.
    """

    real_max: float
    kl: float
    flips: float
    code_flips: float
    sum_min: float
    sum_max: float


def compare(got: NDArray[Any], true: Reals, lsb: float, inputs: str, **more: Any) -> Accuracy:
    """Give the errors of real numbers that ``got`` stands for."""
    error = np.abs(np.asarray(got, np.float64) - true) / lsb
    return Accuracy(lsb=lsb, max_lsb=float(error.max()), mean_lsb=float(error.mean()), inputs=inputs, **more)


def softmax(scores: NDArray[Any]) -> Reals:
    """Evaluate softmax over the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


LENGTHS = (16, 64, 256, 1024)
STDS = (1, 2, 3)  # of a score; int8 in steps of 1/8 holds five of the widest
SUMMED = 64  # the length whose row sums are told: at 1024, most probabilities are less than half a unit of 8 bits


def attention_rows(length: int) -> Reals:
    """Draw scores ``(rows, length)``: products of random queries and keys of 64 channels."""
    rng = np.random.default_rng(length)
    blocks = [rng.normal(0, std, (64, 64)) @ rng.normal(0, 1, (64, length)) / 8 for std in STDS]
    return np.concatenate(blocks)


def hard_rows(length: int) -> Reals:
    """Give rows that approximations find hard: equal scores, one winner, steps, near ties, long tails."""
    index = np.arange(length)
    winner = index == length // 2
    return np.stack([
        np.zeros(length),
        np.where(winner, 15.0, -15.0),
        np.where(winner, 0.0, -np.log(length)),
        np.where(winner, 0.125, 0.0),
        np.linspace(-15, 15, length),
        np.linspace(8, -8, length),
        np.where(index % 2, -0.125, 0.0),
        -0.125 * (index % 64),
        np.where(winner, 4.0, -2.0 - 0.125 * (index % 8)),
    ])  # fmt: skip


Rows = Callable[[Ints], Ints]


def compare_rows(
    run: Rows, unit: float, lsb: float, bits: int = 8, lengths: Sequence[int] = LENGTHS, **more: Any
) -> RowAccuracy:
    """Feed `attention_rows` and `hard_rows`, quantised, to a softmax on integers.

    Parameters
    ----------
    run : callable
        From codes ``(rows, length)`` to probability codes of the same shape.
    unit, lsb : float
        Real value of one unit of the scores and of the result.
    bits : int
        Width of a score, two's complement.
    """
    own, real, kl, flips, code_flips, sums = [], [], [], [], [], np.ones(1)
    half = 1 << (bits - 1)
    for length in lengths:
        drawn = attention_rows(length)
        scores = np.concatenate([drawn, hard_rows(length)])
        codes = np.clip(np.round(scores / unit), -half, half - 1).astype(np.int64)
        got, true = run(codes) * lsb, softmax(scores)
        own.append(np.abs(got - softmax(codes * unit)).ravel() / lsb)
        best = np.where(codes == codes.max(axis=-1, keepdims=True), got, -1).max(axis=-1)
        code_flips.append(best < got.max(axis=-1))
        got, true, scores = got[: len(drawn)], true[: len(drawn)], drawn
        real.append(np.abs(got - true).max())
        model = np.maximum(got, lsb / 2)
        model /= model.sum(axis=-1, keepdims=True)
        kl.append((true * np.log(np.maximum(true, 1e-300) / model)).sum(axis=-1))
        flips.append(got.argmax(axis=-1) != scores.argmax(axis=-1))
        if length == SUMMED:
            sums = got.sum(axis=-1)
    errors = np.concatenate(own)
    return RowAccuracy(
        lsb=lsb, max_lsb=float(errors.max()), mean_lsb=float(errors.mean()), real_max=float(max(real)),
        inputs=f"{len(np.concatenate(code_flips))} rows of {lengths[0]}..{lengths[-1]}",
        kl=float(np.concatenate(kl).mean()), flips=float(np.concatenate(flips).mean()),
        code_flips=float(np.concatenate(code_flips).mean()), sum_min=float(np.min(sums)), sum_max=float(np.max(sums)),
        **more,
    )  # fmt: skip
