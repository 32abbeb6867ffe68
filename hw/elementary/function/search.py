# SPDX-License-Identifier: BSD-2-Clause
"""Find the cheapest design of a function that stays within an error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints
from gatewright.hw.elementary import reference
from gatewright.hw.elementary.certify import Certificate, certify
from gatewright.hw.elementary.fit import fit
from gatewright.hw.elementary.function import maths
from gatewright.hw.elementary.function.design import Design, Direct, Fold, Normal, Split
from gatewright.hw.elementary.function.model import evaluate
from gatewright.hw.elementary.plan import Plan

Reals = NDArray[np.float64]
WIDEST = 20  # bits of a kernel's argument
SHORT = 10  # bits of a word that a kernel without range reduction may suit
NO_MULTIPLIER = 1 << 30  # a price that nobody pays
DEGREES = {"auto": (0, 1, 2), "table": (0,), "linear": (1,), "quadratic": (2,)}


@dataclass(frozen=True)
class Request:
    """What is asked for; see `FunctionConfig`."""

    function: maths.Name
    sign: str
    in_bits: int
    in_fraction: int
    out_bits: int
    out_fraction: int
    out_signed: bool
    max_error: float
    structure: str
    kernel: str
    multiplier_luts: int

    @property
    def low(self) -> int:
        """Smallest output code."""
        return -(1 << (self.out_bits - 1)) if self.out_signed else 0

    @property
    def high(self) -> int:
        """Largest output code."""
        return (1 << (self.out_bits - self.out_signed)) - 1

    def exact(self, codes: Ints) -> Reals:
        """Give the real function of unsigned input codes in units of the output's last place, clamped."""
        return np.clip(self.scaled(self.signed(codes)), self.low, self.high)

    def signed(self, codes: Ints) -> Reals:
        """Give the numbers that codes mean, in units of the input's last place."""
        x = codes.astype(np.float64)
        if self.sign == "signed":
            return np.where(codes >> (self.in_bits - 1), x - 2.0**self.in_bits, x)
        return -x if self.sign == "negative" else x

    def scaled(self, x: Reals) -> Reals:
        """Give the real function of input codes in units of the output's last place, not clamped."""
        return maths.real(self.function, np.ldexp(x, -self.in_fraction)) * 2.0**self.out_fraction

    @property
    def largest(self) -> int:
        """Largest input code."""
        if self.sign == "negative":
            return 0
        return (1 << (self.in_bits - (self.sign == "signed"))) - 1


@cache
def best_design(request: Request) -> Design:
    """Give the cheapest design.

    Raises
    ------
    ValueError
        If none meets the error.
    """
    best: Design | None = None
    refusal = "no design fits"
    for ways in _ways(request):
        try:
            for design in ways:
                if best is None or design.cost(request.multiplier_luts) < best.cost(request.multiplier_luts):
                    best = design
        except ValueError as error:
            refusal = str(error)
    if best is None:
        raise ValueError(refusal)
    return best


@cache
def certificate(request: Request) -> Certificate:
    """Compute the error of the request's design over every input."""
    design = best_design(request)
    first, last = design.cells() or (np.arange(1 << request.in_bits, dtype=np.int64),) * 2
    return certify(lambda codes: evaluate(design, codes), request.exact, first, last)


def _ways(request: Request) -> Iterator[Iterator[Design]]:
    exponential = request.function in maths.EXPONENTIAL
    if request.structure == "word" or (
        # Over long words a normalised kernel always wins; it is not even tried.
        request.structure == "auto" and request.in_bits <= (WIDEST if exponential else SHORT)
    ):
        yield _direct(request)
    if request.structure == "word":
        return
    if exponential:
        yield from [_split(request)] if request.kernel == "auto" else []
    elif request.function == "log2":
        yield _log2(request)
    elif request.function in maths.NORMALISED:
        yield _normal(request)
    else:
        yield from (_fold(request, exact) for exact in (False, True))


def _fit(
    request: Request, targets: Reals, error: float | Reals, out_bits: int | None = None, signed: bool = False
) -> Plan:
    return fit(
        targets, max_error=error, degrees=DEGREES[request.kernel], signed=signed, out_bits=out_bits,
        multiplier_luts=request.multiplier_luts,
    )  # fmt: skip


def _direct(request: Request) -> Iterator[Design]:
    codes = np.arange(1 << request.in_bits, dtype=np.int64)
    # An infinite value is the last code itself, not one near it.
    errors = np.where(np.isinf(request.scaled(request.signed(codes))), 0.0, request.max_error)
    plan = _fit(request, request.exact(codes), errors, request.out_bits, request.out_signed)
    yield Direct(in_bits=request.in_bits, out_bits=request.out_bits, kernel=plan)


def _dropped(bits: int, ends: Callable[[int], tuple[Reals, Reals]], error: float) -> int:
    """Give how many low bits of an argument may go: what shares a result then spans an eighth of the error."""
    least = max(0, bits - WIDEST)
    for dropped in range(bits - 1, least, -1):
        low, high = ends(dropped)
        if np.nanmax(np.abs(high - low)) <= error / 8:
            return dropped
    return least


def _middle(low: Reals, high: Reals, error: float) -> tuple[Reals, Reals]:
    """Give target and error for arguments whose real results span ``low..high``."""
    return (low + high) / 2, error - np.abs(high - low) / 2


def _split(request: Request) -> Iterator[Design]:
    flip = request.largest

    def ends(dropped: int) -> tuple[Ints, Ints]:
        codes = (np.arange(1 << (request.in_bits - dropped), dtype=np.int64) << dropped) ^ flip
        return codes, codes ^ ((1 << dropped) - 1)

    def spans(dropped: int) -> tuple[Reals, Reals]:
        first, last = ends(dropped)
        return request.exact(first), request.exact(last)

    dropped = _dropped(request.in_bits, spans, request.max_error)
    bits, (codes, _), wanted = request.in_bits - dropped, ends(dropped), spans(dropped)
    cheapest = NO_MULTIPLIER
    for fine_bits in range(min(bits - 1, 12), 0, -1):
        _, smallest = _fine(request.function, request.in_fraction, fine_bits, dropped, request.out_bits)
        if smallest < 0.25:  # far from one, it would spoil the rounding constant
            continue
        if _product(request, dropped, flip, fine_bits, 0, request.out_bits, True).cost(0) > 2 * cheapest:
            return  # the coarse table doubles from here on
        for guard, extra, clip in product(range(3), range(3), (True, False)):
            design = _product(request, dropped, flip, fine_bits, guard, request.out_bits + extra, clip)
            cost = design.cost(request.multiplier_luts)
            if cost >= cheapest or (clip and design.overflow):
                continue
            got = evaluate(design, codes)
            if max(np.abs(got - want).max() for want in wanted) <= request.max_error:
                cheapest = cost
                yield design


@cache
def _fine(function: maths.Name, in_fraction: int, bits: int, dropped: int, scale_bits: int) -> tuple[Plan, float]:
    """Fit exp(-v) over the low bits, one at most ``2**scale_bits - 1``; also give its smallest value."""
    targets = maths.real(function, -np.ldexp(np.arange(1 << bits, dtype=np.float64), dropped - in_fraction))
    plan = fit(
        targets * ((1 << scale_bits) - 1), max_error=0.75, degrees=(0, 1), out_bits=scale_bits,
        multiplier_luts=NO_MULTIPLIER,
    )  # fmt: skip
    return plan, float(targets[-1])


def _product(
    request: Request, dropped: int, flip: int, fine_bits: int, guard: int, scale_bits: int, clip: bool
) -> Split:
    """Build one split; with ``clip`` the first coarse value is lowered so that no result saturates."""
    fine, smallest = _fine(request.function, request.in_fraction, fine_bits, dropped, scale_bits)
    # Aim at the centre of the inputs that share an argument, so that dropped bits err on both sides.
    v = np.ldexp(np.arange(1 << (request.in_bits - dropped - fine_bits), dtype=np.float64), dropped + fine_bits)
    start = request.scaled(request.largest - v - ((1 << dropped) - 1) / 2)
    # Beyond, every result of the segment saturates.
    start = np.minimum(start, 2.0**request.out_bits / smallest + 1)
    unit, one = 2.0**guard, (1 << scale_bits) - 1
    # The rounding constant is a half where the fine factor is one, and as much less as that varies.
    targets = np.floor((start + 1 / (1 + smallest)) * unit * (1 << scale_bits) / one + 0.5)
    if clip:
        targets[0] = min(targets[0], (((request.high + 1) << (scale_bits + guard)) - 1) // one)
    overflow = int(targets.max()) * one >> (scale_bits + guard) > request.high
    return Split(
        in_bits=request.in_bits, out_bits=request.out_bits, coarse=fit(targets, max_error=0.0, degrees=(0,)),
        fine=fine, dropped=dropped, drop=scale_bits + guard, flip=flip, overflow=overflow,
    )  # fmt: skip


def _mantissas(request: Request, dropped: int, pairs: bool = False) -> tuple[Reals, Reals]:
    """Give the first and last normalised input of every kernel argument; NaN where there is none."""
    bits = request.in_bits if pairs else request.in_bits - 1
    first = np.ldexp(np.arange(1 << (bits - dropped), dtype=np.float64), dropped)
    if not pairs:
        first = first + 2.0**bits
    first = np.where(first < 2.0 ** (request.in_bits - 1 - pairs), np.nan, first)
    return first, first + (1 << dropped) - 1


def _normal(request: Request) -> Iterator[Design]:
    """Search guard bits and rounding."""
    pairs = request.function == "rsqrt"

    def spans(dropped: int) -> tuple[Reals, Reals]:
        first, last = _mantissas(request, dropped, pairs)
        return request.scaled(last), request.scaled(first)

    bits = request.in_bits if pairs else request.in_bits - 1
    low, high = spans(max(0, bits - WIDEST))
    most = (request.in_bits - 1) >> pairs
    tops = [count for count in range(most + 1) if np.nanmin(low) * 2.0**count <= request.high]
    if not tops:
        raise ValueError("every result overflows")
    top = tops[-1]
    dropped = _dropped(bits, spans, request.max_error * 2.0**-top)
    low, high = spans(dropped)
    error, cheapest = request.max_error, NO_MULTIPLIER
    for guard in range(4):
        before = cheapest
        unit = 2.0 ** (top + guard)
        # Cutting loses up to one: the kernel then aims above the middle.
        for rounding in (False, True):
            if rounding:
                room, aim = (error - 0.5) * 2.0**guard, 0.0
            else:
                room, aim = ((2 * error - 1) * 2.0**guard + 1) / 2, (2.0**guard - 1) / 2
            if room < 0.5 or (rounding and guard == 0) or (error < 1 and not rounding):
                continue
            target, slack = _middle(low * unit, high * unit, room)
            plan = _fit(request, target + aim, slack)
            half = 1 << guard - 1 if rounding else 0
            largest = int(reference.evaluate(plan, np.flatnonzero(~np.isnan(low))).max())
            design = Normal(
                in_bits=request.in_bits, out_bits=request.out_bits, kernel=plan, dropped=dropped, pairs=pairs,
                top=top, guard=guard, rounding=rounding, overflow=largest + half >> guard > request.high,
            )  # fmt: skip
            cheapest = min(cheapest, design.cost(request.multiplier_luts))
            yield design
        if before < NO_MULTIPLIER and cheapest == before:
            return  # more guard bits cost more, unless they have just helped


def _log2(request: Request) -> Iterator[Design]:
    def spans(dropped: int) -> tuple[Reals, Reals]:
        first, last = (np.log2(end) - (request.in_bits - 1) for end in _mantissas(request, dropped))
        return first * 2.0**request.out_fraction, last * 2.0**request.out_fraction

    dropped = _dropped(request.in_bits - 1, spans, request.max_error)
    target, slack = _middle(*spans(dropped), request.max_error)
    top = request.in_bits - 1 - request.in_fraction
    for out_bits in (request.out_fraction, request.out_fraction + 1):
        if out_bits == 0:
            continue
        try:
            plan = _fit(request, target, slack, out_bits)
        except ValueError:
            if out_bits > request.out_fraction:
                raise
            continue
        yield Normal(
            in_bits=request.in_bits, out_bits=request.out_bits, kernel=plan, dropped=dropped, pairs=False,
            top=top, whole=True, fraction=request.out_fraction,
        )  # fmt: skip
        return


def _fold(request: Request, exact: bool) -> Iterator[Design]:
    half = 1 << (request.in_bits - 1)

    def spans(dropped: int) -> tuple[Reals, Reals]:
        first = np.ldexp(np.arange((half >> dropped) + exact, dtype=np.float64), dropped)
        # Inverting a negative code makes its magnitude one too small.
        last = first + ((1 << dropped) - exact)
        return request.scaled(first), request.scaled(last)

    dropped = _dropped(request.in_bits - 1 + exact, spans, request.max_error)
    target, slack = _middle(*spans(dropped), request.max_error)
    mirror = 1 << request.out_fraction if request.function == "sigmoid" else 0
    ceiling = request.high
    for out_bits in range(max(1, ceiling.bit_length()), ceiling.bit_length() + 2):
        try:
            plan = _fit(request, target, slack, out_bits)
        except ValueError:
            if out_bits > ceiling.bit_length():
                raise
            continue
        yield Fold(
            in_bits=request.in_bits, out_bits=request.out_bits, kernel=plan, exact=exact, dropped=dropped,
            mirror=mirror, overflow=out_bits > ceiling.bit_length(),
        )  # fmt: skip
        return
