# SPDX-License-Identifier: BSD-2-Clause
"""Fit a plan to wanted outputs: the cheapest that stays within the error at every argument.

For given slopes the constants that keep a segment within the error form an interval of integers,
computed exactly from the truncated products that the hardware will form. So a segment is feasible
or not without any appeal to real arithmetic, and the slopes are searched around the least-squares line.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints, wrap
from gatewright.hw.elementary.plan import Plan, Table, bits_of

MULTIPLIER_LUTS = 60  # what a hard multiplier is worth: about a fifth of its LUT-built twin
GUARD = 4  # most fraction bits of a sum
FAR = 1 << 40  # a bound that never binds


@dataclass(frozen=True)
class Bounds:
    """The outputs that are allowed at each argument, padded to ``2**arg_bits`` arguments."""

    low: Ints
    high: Ints
    wanted: NDArray[np.float64]
    arg_bits: int
    size: int
    out_bits: int
    signed: bool


def fit(
    targets: NDArray[np.float64],
    *,
    max_error: float,
    degrees: Iterable[int] = (0, 1, 2),
    signed: bool = False,
    out_bits: int | None = None,
    additive: bool = True,
    multiplier_luts: int = MULTIPLIER_LUTS,
) -> Plan:
    """Find the cheapest plan with ``|result - target| <= max_error`` at every argument.

    Cost is estimated LUT4: different 16-entry pieces of table columns, bits of adders, and
    ``multiplier_luts`` for each multiplier.

    Parameters
    ----------
    targets : numpy.ndarray
        Wanted output of argument 0, 1, ..., in units of the output's last place. NaN: any output will do.
    max_error : float
        Largest error, in the same unit; 0.5 allows the nearest integers only.
    degrees : iterable of int
        Degrees to try.
    signed : bool
        Whether the output is two's complement.
    out_bits : int, optional
        Width of the output; the least that holds every rounded target, if not given.
    additive : bool
        Also try two tables and an adder, a linear plan without multiplier.

    Raises
    ------
    ValueError
        If no plan of these degrees stays within the error.
    """
    bounds = bounds_of(np.asarray(targets, np.float64), max_error, signed, out_bits)
    best: Plan | None = None
    for plan in _candidates(bounds, sorted(set(degrees)), additive):
        if best is None or plan.cost(multiplier_luts) < best.cost(multiplier_luts):
            best = plan
    if best is None:
        raise ValueError(f"no plan of degree {', '.join(map(str, sorted(set(degrees))))} reaches error {max_error:g}")
    return best


def bounds_of(targets: NDArray[np.float64], max_error: float, signed: bool, out_bits: int | None) -> Bounds:
    """Turn targets and error into the integers allowed at each argument.

    Raises
    ------
    ValueError
        If at some argument no integer is near enough.
    """
    size = len(targets)
    arg_bits = max(1, (size - 1).bit_length())
    if arg_bits > 20:
        raise ValueError(f"an argument has at most 20 bits, not {arg_bits}")
    free = np.isnan(targets)
    known = np.where(free, np.nanmean(targets), targets)
    if out_bits is None:
        ends = np.rint([known.min(), known.max()]).astype(int).tolist()
        out_bits = max(bits_of(end, signed) for end in ends)
    least, most = (-(1 << (out_bits - 1)), (1 << (out_bits - 1)) - 1) if signed else (0, (1 << out_bits) - 1)
    low = np.maximum(np.ceil(known - max_error), least).astype(np.int64)
    high = np.minimum(np.floor(known + max_error), most).astype(np.int64)
    low[free], high[free] = least, most
    if (low > high).any():
        at = int(np.argmax(low > high))
        raise ValueError(f"no integer of {out_bits} bits lies within {max_error:g} of {known[at]:g}, wanted at {at}")
    rest = (1 << arg_bits) - size
    known = np.concatenate([known, np.full(rest, known[-1])])
    low, high = (np.concatenate([a, np.full(rest, end)]) for a, end in ((low, -FAR), (high, FAR)))
    return Bounds(low, high, known, arg_bits, size, out_bits, signed)


def _candidates(bounds: Bounds, degrees: Sequence[int], additive: bool) -> Iterator[Plan]:
    if 0 in degrees:
        yield constant(bounds)
    for degree in degrees:
        if degree == 0:
            continue
        failures = 0
        for offset_bits in range(2, bounds.arg_bits + 1):
            plan = polynomial(bounds, degree, offset_bits)
            if plan is not None:
                yield plan
            failures = 0 if plan is not None else failures + 1
            if failures == 2:
                break
    if additive and 1 in degrees:
        for offset_bits in range(1, bounds.arg_bits - 1):
            found = False
            for slope_bits in range(offset_bits, min(bounds.arg_bits, offset_bits + 5) + 1):
                plan = two_tables(bounds, offset_bits, slope_bits)
                if plan is None:
                    break
                found = True
                yield plan
            if not found:
                break


def constant(bounds: Bounds) -> Plan:
    """Give the table with the longest granules that stay within the bounds."""
    for granule in range(bounds.arg_bits, -1, -1):
        low = bounds.low.reshape(-1, 1 << granule).max(1)
        high = bounds.high.reshape(-1, 1 << granule).min(1)
        if (low <= high).all():
            break
    wanted = bounds.wanted.reshape(-1, 1 << granule)
    middle = np.rint((wanted.max(1) + wanted.min(1)) / 2).astype(np.int64)
    values = np.clip(middle, low, high)
    return _plan(bounds, c0=_table(bounds, values, granule))


def polynomial(bounds: Bounds, degree: int, offset_bits: int) -> Plan | None:
    """Give a plan of segments up to ``2**offset_bits`` long with the fewest fraction bits; None if there is none.

    Blocks where one segment is not enough are halved, at most three times.
    """
    fine = _shape(bounds, degree, offset_bits, GUARD, offset_bits)
    if fine is None:
        return None
    best = fine
    for guard in range(GUARD - 1, -1, -1):
        plan = _shape(bounds, degree, offset_bits, guard, offset_bits)
        if plan is None or _granule(plan) < _granule(fine):
            break
        best = plan
    for extra in range(offset_bits - 1, -1, -1):
        plan = _shape(bounds, degree, offset_bits, best.shift, extra)
        if plan is None or _granule(plan) < _granule(fine):
            break
        best = plan
    return best


def _granule(plan: Plan) -> int:
    return plan.c0.granule_bits


def _shape(bounds: Bounds, degree: int, offset_bits: int, guard: int, drop: int) -> Plan | None:
    """Fill the tables for given widths, with as few halvings as will do; None if three are too few."""
    slots = 1 << max(bounds.arg_bits - offset_bits, 0)
    inner = offset_bits if degree == 2 else 0
    todo, granule = np.arange(slots), offset_bits
    found: list[tuple[int, Ints, list[Ints]]] = []  # granule, segments at that granule, their coefficients
    while len(todo):
        if granule < max(offset_bits - 3, 0):
            return None
        segments = (todo[:, None] << (offset_bits - granule)) + np.arange(1 << (offset_bits - granule))
        segments = segments.ravel()
        fits, coefficients = _segments(bounds, degree, offset_bits, granule, segments, guard, drop, inner)
        blocks = fits.reshape(len(todo), -1).all(1)
        keep = np.repeat(blocks, 1 << (offset_bits - granule))
        found.append((granule, segments[keep], [c[keep] for c in coefficients]))
        todo, granule = todo[~blocks], granule - 1
    finest = granule + 1
    columns = [np.zeros(1 << (bounds.arg_bits - finest), np.int64) for _ in range(degree + 1)]
    for at, segments, coefficients in found:
        places = (segments[:, None] << (at - finest)) + np.arange(1 << (at - finest))
        for column, values in zip(columns, coefficients, strict=True):
            column[places] = values[:, None]
    slopes = [Table(_trim(bounds, column, finest), finest) for column in columns[1:]]
    return _plan(
        bounds, guard, c0=_table(bounds, columns[0], finest, guard), c1=slopes[0],
        c2=slopes[1] if degree == 2 else None, offset_bits=offset_bits, drop=drop, inner_drop=inner,
    )  # fmt: skip


def _segments(
    bounds: Bounds, degree: int, offset_bits: int, granule: int, segments: Ints, guard: int, drop: int, inner: int
) -> tuple[NDArray[np.bool_], list[Ints]]:
    """Search every segment's slopes; say where constants exist, and give the coefficients."""
    at = (segments[:, None] << granule) + np.arange(1 << granule)
    d = at & ((1 << offset_bits) - 1)
    low = bounds.low[at] << guard
    high = ((bounds.high[at] + 1) << guard) - 1
    scale = float(1 << (guard + drop))
    curves, lines = _least_squares(bounds.wanted[at], d, degree)
    bends = [np.zeros(len(segments), np.int64)]
    if degree == 2:
        middle = np.rint(curves * scale * (1 << inner)).astype(np.int64)
        bends = [middle + step for step in (0, -1, 1)]
    best = [np.full(len(segments), -1, np.int64), *(np.zeros(len(segments), np.int64) for _ in range(degree + 1))]
    for bend in bends:
        bent = bend[:, None] * d >> inner if degree == 2 else 0
        # The line that is best beside a rounded curve differs from the one beside the real curve.
        left = lines + (curves - bend / (scale * (1 << inner))) * (d[:, 0] + d[:, -1]) if degree == 2 else lines
        centre = np.rint(left * scale).astype(np.int64)
        for step in (0, -1, 1, -2, 2, -3, 3):
            slope = centre + step
            product = (slope[:, None] + bent) * d >> drop
            least, most = (low - product).max(1), (high - product).min(1)
            better = most - least > best[0]
            for kept, value in zip(best, (most - least, least + most >> 1, slope, bend), strict=False):
                kept[better] = value[better]
    return best[0] >= 0, best[1:]


def _least_squares(wanted: NDArray[np.float64], d: Ints, degree: int) -> tuple[NDArray[np.float64], ...]:
    """Give the curvature and slope of the best parabola or line in ``d`` of every row."""
    count = wanted.shape[1]
    zero = np.zeros(len(wanted))
    if count == 1:
        return zero, zero
    x = np.arange(count) - (count - 1) / 2
    line = wanted @ x / (x @ x)
    if degree == 1 or count < 3:
        return zero, line
    bow = x * x - (x @ x) / count
    curve = wanted @ bow / (bow @ bow)
    middle = d[:, 0] + (count - 1) / 2
    return curve, line - 2 * curve * middle


def two_tables(bounds: Bounds, offset_bits: int, slope_bits: int) -> Plan | None:
    """Give a linear plan whose products stand in a table, one slope for ``2**slope_bits`` arguments."""
    best = None
    for guard in range(GUARD, -1, -1):
        plan = _two_tables(bounds, offset_bits, slope_bits, guard)
        if plan is None:
            break
        best = plan
    return best


def _two_tables(bounds: Bounds, offset_bits: int, slope_bits: int, guard: int) -> Plan | None:
    drop = offset_bits + 2
    count, inside = 1 << (bounds.arg_bits - slope_bits), 1 << (slope_bits - offset_bits)
    shape = (count, inside, 1 << offset_bits)
    low, high = bounds.low.reshape(shape) << guard, ((bounds.high.reshape(shape) + 1) << guard) - 1
    wanted, d = bounds.wanted.reshape(shape), np.arange(shape[2])
    rise = wanted[:, :, -1] - wanted[:, :, 0]
    # The slope halfway between the steepest and the flattest leaves both the same error.
    centre = np.rint((rise.max(1) + rise.min(1)) / 2 / max(1, shape[2] - 1) * (1 << (guard + drop))).astype(np.int64)
    best = [np.full(count, -1, np.int64), np.zeros(count, np.int64)]
    c0 = np.zeros((count, inside), np.int64)
    for step in (0, -2, 2, -4, 4):
        slope = centre + step
        product = (slope[:, None] * d >> drop)[:, None, :]
        least, most = (low - product).max(2), (high - product).min(2)
        room = (most - least).min(1)
        better = room > best[0]
        c0[better] = (least + most >> 1)[better]
        for kept, value in zip(best, (room, slope), strict=True):
            kept[better] = value[better]
    if (best[0] < 0).any():
        return None
    used = -(-bounds.size >> slope_bits)
    slopes = best[1][:used]
    products = (slopes[:, None] * d >> drop).ravel()
    return _plan(
        bounds, guard, c0=_table(bounds, c0.ravel(), offset_bits, guard), c1=Table(tuple(slopes.tolist()), slope_bits),
        product=Table(tuple(products.tolist()), slope_bits), offset_bits=offset_bits, drop=drop,
    )  # fmt: skip


def _trim(bounds: Bounds, values: Ints, granule: int) -> tuple[int, ...]:
    """Leave out what no specified argument addresses."""
    return tuple(values[: -(-bounds.size >> granule)].tolist())


def _table(bounds: Bounds, values: Ints, granule: int, guard: int = 0) -> Table:
    """Store constants modulo the width of the sum."""
    return Table(_trim(bounds, wrap(values, bounds.out_bits + guard, bounds.signed), granule), granule)


def _plan(bounds: Bounds, guard: int = 0, **parts: object) -> Plan:
    return replace(
        Plan(
            arg_bits=bounds.arg_bits, size=bounds.size, c0=Table((0,), 0), out_bits=bounds.out_bits,
            signed=bounds.signed, shift=guard,
        ),
        **parts,  # type: ignore[arg-type]
    )  # fmt: skip
