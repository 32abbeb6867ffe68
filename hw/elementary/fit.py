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

MULTIPLIER_LUTS = 150  # what a hard multiplier is worth: about half of its twin built from LUTs
GUARD = 4  # most fraction bits of a sum
SAMPLES = 9  # arguments of a long segment that choose its slopes
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
    max_error: float | NDArray[np.float64],
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
    max_error : float or numpy.ndarray
        Largest error, in the same unit, for all arguments or for each; 0.5 allows the nearest integers only.
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
        names = ", ".join(map(str, sorted(set(degrees))))
        raise ValueError(f"no plan of degree {names} reaches error {np.max(max_error):g}")
    return best


def bounds_of(
    targets: NDArray[np.float64], max_error: float | NDArray[np.float64], signed: bool, out_bits: int | None
) -> Bounds:
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
    errors = np.where(free, 0.0, max_error)
    if out_bits is None:
        ends = np.rint([known.min(), known.max()]).astype(int).tolist()
        out_bits = max(bits_of(end, signed) for end in ends)
    least, most = (-(1 << (out_bits - 1)), (1 << (out_bits - 1)) - 1) if signed else (0, (1 << out_bits) - 1)
    low = np.maximum(np.ceil(known - errors), least).astype(np.int64)
    high = np.minimum(np.floor(known + errors), most).astype(np.int64)
    low[free], high[free] = least, most
    if (low > high).any():
        at = int(np.argmax(low > high))
        raise ValueError(f"no integer of {out_bits} bits lies within {errors[at]:g} of {known[at]:g}, wanted at {at}")
    rest = (1 << arg_bits) - size
    known = np.concatenate([known, np.full(rest, known[-1])])
    low, high = (np.concatenate([a, np.full(rest, end)]) for a, end in ((low, -FAR), (high, FAR)))
    return Bounds(low, high, known, arg_bits, size, out_bits, signed)


def _candidates(bounds: Bounds, degrees: Sequence[int], additive: bool) -> Iterator[Plan]:
    """Give plans from long segments to short ones, each kind until its tables double."""
    if 0 in degrees:
        yield constant(bounds)
    for degree in degrees:
        if degree:
            yield from _while_useful(
                polynomial(bounds, degree, offset_bits) for offset_bits in range(bounds.arg_bits, 1, -1)
            )
    if additive and 1 in degrees:
        for spread in range(5):
            yield from _while_useful(
                two_tables(bounds, offset_bits, offset_bits + spread)
                for offset_bits in range(bounds.arg_bits - max(spread, 2), 0, -1)
            )


def _while_useful(plans: Iterable[Plan | None]) -> Iterator[Plan]:
    """Give the plans that exist; stop where their tables have doubled."""
    best = 0
    for plan in plans:
        if plan is None:
            continue
        cost = plan.cost(0)
        if best and cost > 2 * best:
            return
        best = min(best or cost, cost)
        yield plan


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
    starts = segments[:, None] << granule
    count = 1 << granule
    few = np.unique(np.linspace(0, count - 1, SAMPLES).astype(np.int64)) if count > 2 * SAMPLES else np.arange(count)
    curves, lines = _least_squares(bounds.wanted[starts + few], few, starts & ((1 << offset_bits) - 1), degree)
    scale = float(1 << (guard + drop))
    search = _Search(bounds, offset_bits, guard, drop, inner, degree == 2)
    bends = [np.rint(curves * scale * (1 << inner)).astype(np.int64)]
    bends += [bends[0] + step for step in (-1, 1)] if degree == 2 else []
    ends = 2 * (starts[:, 0] & ((1 << offset_bits) - 1)) + count - 1
    best = [np.full(len(segments), -1, np.int64), *(np.zeros(len(segments), np.int64) for _ in range(3))]

    def improve(which: Ints, places: Ints) -> None:
        """Try all slopes on the segments ``which``."""
        for bend in bends:
            # The line that is best beside a rounded curve differs from the one beside the real curve.
            bent = (curves - bend / (scale * (1 << inner))) * ends
            centre = np.rint((lines + bent) * scale).astype(np.int64)
            for step in (0, -1, 1, -2, 2, -3, 3):
                room, middle = search.room(starts[which], places, centre[which] + step, bend[which])
                better = room > best[0][which]
                for kept, value in zip(best, (room, middle, centre[which] + step, bend[which]), strict=True):
                    kept[which[better]] = value[better]

    improve(np.arange(len(segments)), few)
    if len(few) < count:  # the samples chose; every argument decides
        hopeful = np.flatnonzero(best[0] >= 0)
        best[0][hopeful], best[1][hopeful] = search.room(
            starts[hopeful], np.arange(count), best[2][hopeful], best[3][hopeful]
        )
        improve(hopeful[best[0][hopeful] < 0], np.arange(count))
    return best[0] >= 0, best[1 : 2 + degree]


@dataclass(frozen=True)
class _Search:
    """Widths that stay while slopes vary."""

    bounds: Bounds
    offset_bits: int
    guard: int
    drop: int
    inner: int
    curved: bool

    def room(self, starts: Ints, places: Ints, slope: Ints, bend: Ints) -> tuple[Ints, Ints]:
        """Give the length of the interval of possible constants, negative if empty, and its middle."""
        at = starts[:, 0] + places[:, None]  # the short axis first: numpy reduces that faster
        d = at & ((1 << self.offset_bits) - 1)
        product = (slope + (bend * d >> self.inner)) * d >> self.drop if self.curved else slope * d >> self.drop
        least = ((self.bounds.low[at] << self.guard) - product).max(0)
        most = ((self.bounds.high[at] + 1 << self.guard) - 1 - product).min(0)
        return most - least, least + most >> 1


def _least_squares(
    wanted: NDArray[np.float64], places: Ints, begin: Ints, degree: int
) -> tuple[NDArray[np.float64], ...]:
    """Give the curvature and slope, in ``d``, of the best parabola or line of every row."""
    zero = np.zeros(len(wanted))
    if len(places) == 1:
        return zero, zero
    middle = places.mean()
    x = places - middle
    line = wanted @ x / (x @ x)
    if degree == 1 or len(places) < 3:
        return zero, line
    # Orthogonal to constant and line; the places need not be evenly spaced.
    bow = x * x - (x @ x) / len(x) - x * ((x * x) @ x) / (x @ x)
    curve = wanted @ bow / (bow @ bow)
    line = line - curve * ((x * x) @ x) / (x @ x)
    return curve, line - 2 * curve * (begin[:, 0] + middle)


def two_tables(bounds: Bounds, offset_bits: int, slope_bits: int) -> Plan | None:
    """Give a linear plan whose products stand in a table, one slope for ``2**slope_bits`` arguments."""
    shape = (-1, 1 << offset_bits)
    low, high = (np.ascontiguousarray(a.reshape(shape).T) for a in (bounds.low, bounds.high))
    wanted = bounds.wanted.reshape(shape).T
    blocks = (1 << (bounds.arg_bits - slope_bits), -1)
    rise = (wanted[-1] - wanted[0]).reshape(blocks)
    # The slope halfway between the steepest and the flattest leaves both the same error.
    steepness = (rise.max(1) + rise.min(1)) / 2 / ((1 << offset_bits) - 1)
    best = None
    for guard in range(GUARD, -1, -1):
        found = _two_tables(low << guard, (high + 1 << guard) - 1, steepness, offset_bits, guard)
        if found is None:
            break
        slopes, c0 = found
        slopes = slopes[: -(-bounds.size >> slope_bits)]
        products = (slopes[:, None] * np.arange(1 << offset_bits) >> offset_bits + 2).ravel()
        best = _plan(
            bounds, guard, c0=_table(bounds, c0, offset_bits, guard), c1=Table(tuple(slopes.tolist()), slope_bits),
            product=Table(tuple(products.tolist()), slope_bits), offset_bits=offset_bits, drop=offset_bits + 2,
        )  # fmt: skip
    return best


def _two_tables(
    low: Ints, high: Ints, steepness: NDArray[np.float64], offset_bits: int, guard: int
) -> tuple[Ints, Ints] | None:
    """Give slopes and constants; None if some segment has none."""
    drop = offset_bits + 2
    segments = low.shape[1] // len(steepness)

    def room(slope: Ints, places: Ints | slice) -> tuple[Ints, Ints]:
        product = np.repeat(np.arange(len(low))[places, None] * slope >> drop, segments, axis=1)
        least, most = (low[places] - product).max(0), (high[places] - product).min(0)
        return (most - least).reshape(-1, segments).min(1), least + most >> 1

    centre = np.rint(steepness * (1 << (guard + drop))).astype(np.int64)
    few = np.unique(np.linspace(0, len(low) - 1, SAMPLES).astype(np.int64))
    best, slopes = np.full(len(centre), -1, np.int64), centre
    for step in (0, -2, 2, -4, 4):
        found, _ = room(centre + step, few)
        slopes, best = np.where(found > best, centre + step, slopes), np.maximum(best, found)
    if (best < 0).any():
        return None
    best, c0 = room(slopes, slice(None))
    return None if (best < 0).any() else (slopes, c0)


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
