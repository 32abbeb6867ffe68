# SPDX-License-Identifier: BSD-2-Clause
"""Halving an activation by its symmetry: the specification of the sums that replace half of a table.

=========  ================================  =========================
kind       sum at ``x >= 0``                 sum at ``x < 0``
=========  ================================  =========================
relu       ``slope*x + bias - part(|x|)``    ``bias - part(|x|)``
reflect    ``part(|x|)``                     ``turn - part(|x|)``
positive   ``part(x)``                       ``turn``
=========  ================================  =========================

The output code is ``sum >> guard``, saturated where it can leave the codes. ``part`` is a table, whose entries
are free within the interval that gives the nearest codes on both sides, or a piecewise polynomial.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints
from gatewright.hw.elementary.fit import fit
from gatewright.hw.elementary.plan import Plan
from gatewright.hw.elementary.reference import evaluate
from gatewright.hw.nonlinear.activation import functions
from gatewright.hw.nonlinear.activation.functions import KINDS, Kind

GUARD = 12  # most fraction bits of a sum
FAR = 1 << 40  # a bound that never binds


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is wanted: a function between two formats."""

    function: str
    in_bits: int
    step: Fraction
    out_step: Fraction
    zero: int
    low: int
    high: int

    @property
    def kind(self) -> Kind:
        """Which symmetry the function has."""
        return KINDS[self.function]

    @property
    def ratio(self) -> Fraction:
        """Output codes per input code on the slope of relu."""
        return self.step / self.out_step

    @property
    def half(self) -> int:
        """Magnitude of the lowest input."""
        return 1 << (self.in_bits - 1)

    def nearest(self, codes: Ints) -> Ints:
        """Nearest output codes, saturated."""
        free = functions.nearest(self.function, codes, self.step, self.out_step, self.zero)
        return np.clip(free, self.low, self.high)

    def wanted(self, codes: Ints) -> NDArray[np.float64]:
        """Real outputs in codes, neither rounded nor saturated."""
        found = functions.values(lambda x: functions.real(self.function, x), codes, self.step)
        return found * float(1 / self.out_step) + self.zero


@dataclass(frozen=True, kw_only=True)
class Symmetry:
    """One half of a function, and how the other half follows from it; see the module.

    Attributes
    ----------
    words : tuple of int
        Table of ``part`` at 0, 1, ...; empty with ``kernel``.
    kernel : Plan or None
        Polynomials for ``part``.
    top : int or None
        The table's entry at the lowest input's magnitude, ``2**(in_bits - 1)``, which is one bit wider
        than all others. None: entry 0 serves it as well, so the bit is left out.
    low, high : int
        Least and greatest code before saturation.
    """

    kind: Kind
    in_bits: int
    guard: int = 0
    slope: int = 0
    bias: int = 0
    turn: int = 0
    words: tuple[int, ...] = ()
    kernel: Plan | None = None
    top: int | None = None
    low: int = 0
    high: int = 0

    @property
    def table_bits(self) -> int:
        """Bits of all tables."""
        if self.kernel:
            return self.kernel.table_bits
        least, most = min(self.words), max(self.words)
        width = max(most.bit_length(), (~least).bit_length() if least < 0 else 0) + (least < 0)
        return len(self.words) * width

    @property
    def depth(self) -> int:
        """Registers from the magnitude to the part."""
        return self.kernel.latency if self.kernel else 1

    @property
    def magnitude(self) -> bool:
        """Whether the part needs the magnitude: not where it is constant or one-sided."""
        return self.kind != "positive" and (self.kernel is not None or len(set(self.words)) > 1)

    @property
    def wide(self) -> bool:
        """Whether the magnitude keeps its top bit."""
        return self.top is not None or (self.kernel is not None and self.kernel.size > 1 << (self.in_bits - 1))


def totals(plan: Symmetry, codes: Ints) -> Ints:
    """Evaluate the sums, shifted: codes before saturation."""
    magnitude = np.abs(codes) if plan.kind != "positive" else np.maximum(codes, 0)
    mask = (2 << (plan.in_bits - 1)) - 1 if plan.wide else (1 << (plan.in_bits - 1)) - 1
    if plan.kernel:
        part = evaluate(plan.kernel, magnitude & mask)
    else:
        table = np.array([*plan.words, plan.top or 0], np.int64)
        part = table[magnitude & mask]
    negative = codes < 0
    if plan.kind == "relu":
        total = plan.slope * np.where(negative, 0, codes) + plan.bias - part
    else:
        other = plan.turn - part if plan.kind == "reflect" else plan.turn
        total = np.where(negative, other, part)
    return total >> plan.guard


def with_limits(task: Task, plan: dict[str, object]) -> Symmetry:
    """Note how far the codes can go."""
    found = Symmetry(kind=task.kind, in_bits=task.in_bits, **plan)  # type: ignore[arg-type]
    codes = totals(found, np.arange(-task.half, task.half))
    limits = {"low": int(codes.min()), "high": int(codes.max())}
    return Symmetry(kind=task.kind, in_bits=task.in_bits, **(plan | limits))  # type: ignore[arg-type]


def table_plan(task: Task) -> Symmetry | None:
    """Give the table with the fewest fraction bits that reaches the nearest code everywhere; None if there is none."""
    for guard in range(GUARD + 1):
        slope = round(task.ratio * 2**guard) if task.kind == "relu" else 0
        turn = _turn(task, guard)
        low, high = _intervals(task, guard, slope, turn)
        if (low > high).any():
            continue
        # Entry 0 may serve the lowest input too: its magnitude is 0 but for a bit of its own.
        shared = max(low[0], low[-1]) <= min(high[0], high[-1])
        if shared:
            low[0], high[0] = max(low[0], low[-1]), min(high[0], high[-1])
        words = _choose(low, high)
        top = None if shared or task.kind == "positive" else words[-1]
        parts = {"guard": guard, "slope": slope, "turn": turn, "words": tuple(words[:-1]), "top": top}
        return with_limits(task, parts)
    return None


def _turn(task: Task, guard: int) -> int:
    """Give the constant of the negative side; with a guard it makes up for both sums being rounded down."""
    if task.kind != "reflect":
        return task.zero << guard if task.kind == "positive" else 0
    whole = (functions.turn(task.function) / float(task.out_step) + 2 * task.zero) * 2**guard
    return int(np.rint(whole)) + ((1 << guard) if guard else 0)


def _intervals(task: Task, guard: int, slope: int, turn: int) -> tuple[Ints, Ints]:
    """Give the parts that lead to the nearest codes on both sides, for each magnitude."""
    u = np.arange(task.half + 1)
    least, most = _sums(task, u, guard)  # the sums that are right at x = u
    if task.kind == "relu":
        least, most = slope * u - most, slope * u - least
    least[-1], most[-1] = -FAR, FAR  # no input is that high
    if task.kind == "positive":
        return least, most
    other_least, other_most = _sums(task, -u, guard)
    base = 0 if task.kind == "relu" else turn
    other_least, other_most = base - other_most, base - other_least
    other_least[0], other_most[0] = -FAR, FAR  # x = 0 is no negative
    return np.maximum(least, other_least), np.minimum(most, other_most)


def _sums(task: Task, codes: Ints, guard: int) -> tuple[Ints, Ints]:
    codes_wanted = task.nearest(codes)
    least, most = codes_wanted << guard, (codes_wanted + 1 << guard) - 1
    # A saturated code is reached from anywhere beyond it.
    return np.where(codes_wanted == task.low, -FAR, least), np.where(codes_wanted == task.high, FAR, most)


def _choose(low: Ints, high: Ints) -> list[int]:
    """Pick entries: the longest runs of one value, and in each the value with the most trailing zeros."""
    words: list[int] = []
    start = 0
    while start < len(low):
        least, most, end = int(low[start]), int(high[start]), start + 1
        while end < len(low) and max(least, low[end]) <= min(most, high[end]):
            least, most, end = max(least, int(low[end])), min(most, int(high[end])), end + 1
        words += [_roundest(least, most)] * (end - start)
        start = end
    return words


def _roundest(least: int, most: int) -> int:
    if least <= 0 <= most:
        return 0
    if least == -FAR or most == FAR:  # a saturated code: go no further beyond it than needed
        return most if least == -FAR else least
    step = 1
    while -(-least // (2 * step)) * 2 * step <= most:
        step *= 2
    return -(-least // step) * step


def polynomial_plan(task: Task, max_error: float, degrees: tuple[int, ...]) -> Symmetry:
    """Fit polynomials so that no code is further than ``max_error`` from the real output.

    Raises
    ------
    ValueError
        If no plan reaches the error.
    """
    u = np.arange(task.half + 1)
    if task.kind == "positive":
        ceiling = float(task.high) + 1.0  # above it all codes saturate
        targets = np.minimum(task.wanted(u[:-1]), ceiling)
        kernel = fit(targets, max_error=max_error, degrees=degrees, signed=bool(targets.min() < 0))
        return with_limits(task, {"turn": task.zero, "kernel": kernel})
    for guard in range(GUARD + 1):
        found = _polynomial(task, u, guard, max_error, degrees)
        if found is not None:
            return found
    raise ValueError(f"no sum of {GUARD} fraction bits reaches error {max_error:g}")


def _polynomial(task: Task, u: Ints, guard: int, max_error: float, degrees: tuple[int, ...]) -> Symmetry | None:
    """Fit with a given guard; None where the guard is too small for the scales."""
    scale = 2.0**guard
    parts: dict[str, object] = {"guard": guard}
    half = 1 << guard >> 1
    if task.kind == "relu":
        slope = round(task.ratio * 2**guard)
        aside = abs(float(slope - task.ratio * 2**guard)) * task.half
        bias = (task.zero << guard) + half
        parts |= {"slope": slope, "bias": bias}
        part = functions.values(lambda x: functions.delta(task.function, x), u, task.step)
        targets = part * float(1 / task.out_step) * scale
    else:
        turn = _turn(task, guard)
        exact = (functions.turn(task.function) / float(task.out_step) + 2 * task.zero) * scale
        aside = abs(turn - ((1 << guard) if guard else 0) - exact)
        parts["turn"] = turn
        targets = task.wanted(u) * scale + half
    # What rounding the sum and the approximate constants leave to the polynomial, in units of the sum.
    budget = max_error * scale - (half if guard else 0) - aside
    if budget < 0.5 or aside > budget / 4:
        return None
    shared = abs(targets[0] - targets[-1]) < budget / 100
    kernel = fit(
        targets[:-1] if shared else targets, max_error=budget - (budget / 100 if shared else 0),
        degrees=degrees, signed=bool(targets.min() < 0),
    )  # fmt: skip
    return with_limits(task, parts | {"kernel": kernel})
