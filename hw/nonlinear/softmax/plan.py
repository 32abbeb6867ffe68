# SPDX-License-Identifier: BSD-2-Clause
"""Widths of the softmax, chosen so that its error is bounded: integers and tables, no Amaranth.

Notation: x_i = exp(s_i - max) is what an element should count, e_i what it does count, both in
units of 1; u = 2**-fraction_bits is the place of the last bit of e_i; n is the longest row.
All bounds hold for every row of up to n elements.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.elementary.split_exp import FloatExp, SplitExp, falling, floating, rising

FACTOR = 17  # fraction bits of a factor that fits an 18-bit hardware multiplier together with 1 itself
MOST_FRACTION = 40
MOST_FRONT = 48  # so that a sum of 4096 terms fits 63 bits
TARGET = 1.0  # units of the output


@dataclass(frozen=True)
class Request:
    """What the user asked for: the parameters that decide widths."""

    algorithm: str
    lanes: int
    score_bits: int
    step: tuple[int, int]
    out_bits: int
    row_max: int
    highest: int = 0
    lowest: int = 0


@dataclass(frozen=True)
class Plan:
    """Widths, tables and error bounds.

    Attributes
    ----------
    fraction_bits : int
        Fraction bits of an element's exponential e: at most 1, or less than 4 where only exponents are aligned.
    kept_bits : int
        Fraction bits of e that the last product reads.
    sum_bits : int
        Width of a row's sum.
    quotient_bits : int
        Fraction bits of the reciprocal, which is at most 1; 0 if there is no division.
    falling, rising, floating : tables or None
        Exponentials relative to the maximum, to a fixed point, and as mantissa and exponent.
    front_bits : int
        Fraction bits of exponentials relative to the fixed point.
    error : float
        Greatest error of a probability, in units of the output.
    sum_error : float
        Greatest distance of a row's sum from 1, in units of the output.
    """

    fraction_bits: int
    kept_bits: int
    sum_bits: int
    quotient_bits: int
    falling: SplitExp | None
    rising: SplitExp | None
    floating: FloatExp | None
    front_bits: int
    error: float
    sum_error: float


@cache
def make_plan(request: Request) -> Plan | None:
    """Find the fewest fraction bits that keep the error within `TARGET`; None if none do."""
    guess = request.out_bits + (request.row_max - 1).bit_length() - 2
    for fraction_bits in range(max(guess, request.out_bits + 1), MOST_FRACTION):
        plan = _plan(request, fraction_bits)
        if plan is not None and (request.algorithm == "base2" or plan.error <= TARGET):
            return plan
    return None


def width_of(fraction_bits: int) -> int:
    """Choose a factor's fraction bits: one more than the result's, unless that needs a wider multiplier."""
    return max(min(fraction_bits + 1, FACTOR), fraction_bits) if fraction_bits <= FACTOR else fraction_bits + 1


def _plan(request: Request, fraction_bits: int) -> Plan | None:
    match request.algorithm:
        case "two_pass" | "base2":
            return _floating_plan(request, fraction_bits)
        case "fixed_phi":
            return _fixed_plan(request, fraction_bits)
    return _falling_plan(request, fraction_bits)


def _falling_plan(request: Request, fraction_bits: int) -> Plan:
    """Exponentials relative to the maximum, which itself is 1 exactly."""
    table = falling(request.step, request.score_bits, width_of(fraction_bits), fraction_bits)
    state = _sum_error(request, table, fraction_bits, online=request.algorithm == "online")
    return _finish(request, fraction_bits, state, 1, falling=table)


def _fixed_plan(request: Request, fraction_bits: int) -> Plan | None:
    """Sum relative to a fixed point as well: there the maximum may be small, so more bits follow the point."""
    table = falling(request.step, request.score_bits, width_of(fraction_bits), fraction_bits)
    state = _sum_error(request, table, fraction_bits, online=False)
    top = request.highest | ((1 << table.low_bits) - 1)
    reach = _c(request) * (top - request.lowest)
    front = fraction_bits + math.ceil(reach / math.log(2))
    if front > MOST_FRONT:
        return None
    least = math.exp(-reach)
    front_table = rising(request.step, request.score_bits, top, front + 1, width_of(fraction_bits), front)
    absolute, relative = _rising_error(request, front_table, top, front)
    if absolute >= least:
        return None
    # Sum and maximum of the front, both relative to a maximum as small as `least`.
    ratio = (request.row_max + 1) * absolute / (least - absolute) + 2 * relative
    state = max(state, float(np.abs(_error(request, table, fraction_bits)).max()) + ratio)
    return _finish(request, fraction_bits, state, 1, falling=table, rising=front_table, front_bits=front)


def _floating_plan(request: Request, fraction_bits: int) -> Plan:
    """Mantissas in 1..4 aligned to the greatest exponent: the sum is at least 1, an element below 4."""
    width = width_of(fraction_bits)
    table = floating(request.step, request.score_bits, width, fraction_bits)
    unit, relative = 2.0**-fraction_bits, _floating_error(request, table, width)
    # An element loses less than a unit when it is aligned; the sum less than a unit at each new greatest
    # exponent, halved at least by the next.
    state = (request.row_max + 3) * unit + 2 * relative
    return _finish(request, fraction_bits, state, 4, floating=table)


def _finish(request: Request, fraction_bits: int, state: float, most: int, **tables: object) -> Plan:
    """Add the errors of reciprocal, last product and rounding.

    Parameters
    ----------
    state : float
        Bound of ``|e_i / sum(e) - x_i / sum(x)|``.
    most : int
        What e stays at or below: 1, or 4.
    """
    divides = request.algorithm != "base2"
    quotient_bits = request.out_bits + 4 + (most > 1) if divides else 0
    kept = min(fraction_bits, max(FACTOR, request.out_bits + 4))
    lost = 2.0**-kept if kept < fraction_bits else 0.0
    unit, n = 2.0**-request.out_bits, request.row_max
    if divides:
        error = state + lost + most * 2.0**-quotient_bits
        # Reciprocal times sum is 1 less a truncation; each result rounds by half a unit at most.
        total = 2.0**-quotient_bits * n * most + n * lost
        sum_error = max(0.5 * n + total / unit, 1.0)
    else:
        # The sum is taken for a power of two: wrong by a factor of THRESHOLD / 2 .. THRESHOLD.
        error = state + lost + max(1 - 1 / THRESHOLD, 1 - THRESHOLD / 2)
        sum_error = 0.5 * n + (n * lost + max(THRESHOLD - 1, 1 - THRESHOLD / 2)) / unit
    extra = (most - 1).bit_length()
    plan: dict[str, object] = {"falling": None, "rising": None, "floating": None, "front_bits": 0} | tables
    return Plan(
        fraction_bits=fraction_bits, kept_bits=kept, quotient_bits=quotient_bits,
        sum_bits=fraction_bits + extra + n.bit_length(),
        error=max(0.5 + error / unit, 1.0), sum_error=sum_error, **plan,  # type: ignore[arg-type]
    )  # fmt: skip


THRESHOLD = 1.375  # sums below this many times a power of two count as that power; near the balance at sqrt(2)


def _sum_error(request: Request, table: SplitExp, fraction_bits: int, online: bool) -> float:
    """Bound ``|e_i / sum(e) - x_i / sum(x)|`` for exponentials relative to the maximum.

    With e = x + d the difference is (d_i - p * sum(d)) / sum(e). For the maximum d_i is 0; the others have
    p at most 1/2. At a given distance, m terms count m |d| / (1 + m e), which is greatest for m = n - 1, and a
    mixture of distances is no worse than the worst of them.
    """
    n, one = request.row_max - 1, 1 << fraction_bits
    got = exponentials(table, request.score_bits) / one
    error = np.abs(_error(request, table, fraction_bits))
    worst = float(error.max())
    spread = float(np.max(n * error / (1 + n * got)))
    if online:
        # A term passes a chain of at most `beats` factors. To first order its error is at most
        # worst * (1 + (beats - 1) x), since the sum over r of the product of all factors but the r-th is at
        # most 1 + (beats - 1) times their product; the square covers the rest. A rescaled sum loses less than u.
        beats = -(-request.row_max // request.lanes)
        chain = worst * (n + beats - 1) + n * (beats * worst) ** 2
        spread = max(spread, chain + (beats - 1) / one)
    return max(spread, worst + spread / 2)


def _rising_error(request: Request, table: SplitExp, top: int, front_bits: int) -> tuple[float, float]:
    """Bound errors by an absolute part and one that is relative to the value, which low factors cause."""
    index = np.arange(top + 1)
    low = np.array(table.low, object)[index & ((1 << table.low_bits) - 1)]
    got = (np.array(table.high, object)[index >> table.low_bits] * low) >> table.drop
    true = _true(request)
    factors = np.array(table.low, np.float64)
    relative = float(np.abs(factors / factors[-1] / true[: len(factors)][::-1] - 1).max())
    error = np.abs(got.astype(np.float64) / 2.0**front_bits - true[top - index])
    return max(float((error - relative * true[top - index]).max()), 0.0), relative


def _floating_error(request: Request, table: FloatExp, width: int) -> float:
    """Greatest relative error of a product of factors, before it is truncated."""
    c, unit = _c(request), 1 << width

    def relative(value: tuple[int, int], index: int) -> float:
        return abs(value[0] / unit * math.exp(value[1] * math.log(2) - c * index) - 1)

    high = max(relative(value, index << table.low_bits) for index, value in enumerate(table.high))
    low = max(relative(value, index) for index, value in enumerate(table.low))
    return high + low + high * low


def _error(request: Request, table: SplitExp, fraction_bits: int) -> NDArray[np.float64]:
    return exponentials(table, request.score_bits) / (1 << fraction_bits) - _true(request)


def exponentials(table: SplitExp, bits: int) -> NDArray[np.float64]:
    """Evaluate a table for all indices."""
    index = np.arange(1 << bits)
    low = np.array(table.low, object)[index & ((1 << table.low_bits) - 1)]
    return ((np.array(table.high, object)[index >> table.low_bits] * low) >> table.drop).astype(np.float64)


def _true(request: Request) -> NDArray[np.float64]:
    return np.exp(-_c(request) * np.arange(1 << request.score_bits))


def _c(request: Request) -> float:
    return request.step[0] / 2.0 ** request.step[1]
