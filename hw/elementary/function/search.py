# SPDX-License-Identifier: BSD-2-Clause
"""Find the cheapest design of a function that stays within an error."""

from collections.abc import Iterator
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
    method: str
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
        x = codes.astype(np.float64)
        if self.sign == "signed":
            x = np.where(codes >> (self.in_bits - 1), x - 2.0**self.in_bits, x)
        elif self.sign == "negative":
            x = -x
        return np.clip(self.scaled(x), self.low, self.high)

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
    word = request.method != "product" and request.in_bits <= WIDEST
    if word and (request.method == "table" or request.in_bits <= 10 or request.function in maths.EXPONENTIAL):
        yield _direct(request)
    if request.method in ("auto", "product") and request.function in maths.EXPONENTIAL:
        yield _split(request)
    if request.method in ("table", "product"):
        return
    if request.function == "log2":
        yield _log2(request)
    elif request.function in maths.NORMALISED:
        yield _normal(request)
    elif request.function in maths.FOLDED:
        yield from (_fold(request, exact) for exact in (False, True))


def _fit(
    request: Request, targets: Reals, error: float | Reals, out_bits: int | None = None, signed: bool = False
) -> Plan:
    return fit(
        targets, max_error=error, degrees=DEGREES[request.method], signed=signed, out_bits=out_bits,
        multiplier_luts=request.multiplier_luts,
    )  # fmt: skip


def _direct(request: Request) -> Iterator[Design]:
    targets = request.exact(np.arange(1 << request.in_bits, dtype=np.int64))
    plan = _fit(request, targets, request.max_error, request.out_bits, request.out_signed)
    yield Direct(in_bits=request.in_bits, out_bits=request.out_bits, kernel=plan)


def _middle(low: Reals, high: Reals, error: float) -> tuple[Reals, Reals]:
    """Give target and error for arguments whose real results span ``low..high``."""
    return (low + high) / 2, error - np.abs(high - low) / 2


def _split(request: Request) -> Iterator[Design]:
    dropped = max(0, request.in_bits - WIDEST)
    bits = request.in_bits - dropped
    flip = request.largest
    codes = (np.arange(1 << bits, dtype=np.int64) << dropped) ^ flip
    ends = (codes, codes ^ ((1 << dropped) - 1))
    wanted = [request.exact(end) for end in ends]
    cheapest = NO_MULTIPLIER
    for fine_bits in range(max(1, bits // 4), min(bits - 1, 12) + 1):
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


def _mantissas(request: Request, pairs: bool) -> tuple[Reals, Reals, int]:
    """Give the range of normalised inputs of every kernel argument, and how many bits are dropped."""
    bits = request.in_bits if pairs else request.in_bits - 1
    dropped = max(0, bits - WIDEST)
    first = np.ldexp(np.arange(1 << (bits - dropped), dtype=np.float64), dropped)
    if not pairs:
        first = first + 2.0**bits
    return first, first + (1 << dropped) - 1, dropped


def _normal(request: Request) -> Iterator[Design]:
    """Search guard bits and rounding."""
    pairs = request.function == "rsqrt"
    first, last, dropped = _mantissas(request, pairs)
    free = first < 2.0 ** (request.in_bits - 2)  # never normalised
    high, low = (np.where(free, np.nan, request.scaled(np.maximum(ends, 1))) for ends in (first, last))
    most = (request.in_bits - 1) >> pairs
    tops = [count for count in range(most + 1) if np.nanmin(low) * 2.0**count <= request.high]
    if not tops:
        raise ValueError("every result overflows")
    top = tops[-1]
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
            ceiling = (request.high + 1) * 2.0**guard  # beyond, every result saturates
            plan = _fit(request, np.minimum(target + aim, ceiling), slack)
            half = 1 << guard - 1 if rounding else 0
            largest = int(reference.evaluate(plan, np.flatnonzero(~free)).max())
            design = Normal(
                in_bits=request.in_bits, out_bits=request.out_bits, kernel=plan, dropped=dropped, pairs=pairs,
                top=top, guard=guard, rounding=rounding, overflow=largest + half >> guard > request.high,
            )  # fmt: skip
            cheapest = min(cheapest, design.cost(request.multiplier_luts))
            yield design
        if before < NO_MULTIPLIER and cheapest == before:
            return  # more guard bits cost more, unless they have just helped


def _log2(request: Request) -> Iterator[Design]:
    first, last, dropped = _mantissas(request, False)
    ends = [(np.log2(end) - (request.in_bits - 1)) * 2.0**request.out_fraction for end in (first, last)]
    target, slack = _middle(ends[0], ends[1], request.max_error)
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
    dropped = max(0, request.in_bits - (not exact) - WIDEST)
    size = (half >> dropped) + exact
    first = np.ldexp(np.arange(size, dtype=np.float64), dropped)
    last = first + ((1 << dropped) - 1 if exact else (1 << dropped))
    target, slack = _middle(request.scaled(first), request.scaled(last), request.max_error)
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
