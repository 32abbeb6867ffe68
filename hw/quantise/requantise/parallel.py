# SPDX-License-Identifier: BSD-2-Clause
"""The parallel engine's pipeline: partial products, adders, a shifter that narrows as it goes."""

from dataclasses import dataclass

from amaranth import Cat, Const, Mux, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.quantise.requantise.plan import Partial, Piece
from gatewright.hw.quantise.requantise.rounding import Quotient, magnitude_bits

Term = tuple[int, Value]  # lowest bit position, value


def multiply(
    pipe: Pipe, plan: list[list[Partial]], width: int, left: Value, right: Value, unread: int = 0
) -> Value:
    """Multiply by a plan, modulo ``2**width``: a register after the partial products and each level of adders.

    The lowest ``unread`` bits of the product may be wrong: those that meet no adder are not kept.
    """
    terms = [_row(pipe, row, width, left, right, unread) for row in plan]
    while len(terms) > 1:
        # The first row is the longest: with an odd count it waits while short ones pair up.
        head, rest = (terms[:1], terms[1:]) if len(terms) % 2 else ([], terms)
        terms = [(low, pipe(value, "waiting")) for low, value in head]
        terms += [_add(pipe, width, a, b) for a, b in zip(rest[::2], rest[1::2], strict=True)]
    low, value = terms[0]
    return Cat(Const(0, low), value)[:width].as_signed()


def _row(pipe: Pipe, row: list[Partial], width: int, left: Value, right: Value, unread: int) -> Term:
    """Register partial products side by side; each starts at the bit where it is read or meets another row."""
    parts: list[Value] = []
    low = end = unread if row[0].low == 0 else row[0].low
    for partial in row:
        high, first = min(partial.high, width), max(partial.low, low)
        product = (_piece(left, partial.left) * _piece(right, partial.right))[first - partial.low : high - partial.low]
        parts += [Const(0, first - end), pipe(product, "partial")]
        end = high
    value = Cat(*parts)
    return low, value.as_signed() if row[-1].signed else value


def _piece(value: Value, piece: Piece) -> Value:
    bits = value[piece.low : piece.low + piece.bits]
    return bits.as_signed() if piece.signed else bits


def _add(pipe: Pipe, width: int, a: Term, b: Term) -> Term:
    """Add two terms modulo ``2**width``; bits of the lower one below the other pass by the adder."""
    (low, value), (high, other) = sorted((a, b), key=lambda term: term[0])
    gap = high - low
    passing = _extend(value, gap)[:gap]
    total = value.shift_right(gap) + other
    both = Cat(passing, total)[: width - low]
    return low, pipe(both.as_signed() if total.shape().signed else both, "sum")


def _extend(value: Value, width: int) -> Value:
    """Widen to at least ``width`` bits, by the sign if there is one."""
    missing = max(width - len(value), 0)
    return Cat(value, (value[-1] if value.shape().signed else Const(0, 1)).replicate(missing))


@dataclass
class _Shifter:
    """What travels through the shifter: remaining bits, sign, and the flags of the bits that left."""

    bits: Value
    negative: Value
    overflow: Value
    some: Value
    every: Value


def divide(pipe: Pipe, config: RequantiseConfig, product: Value, code: Value) -> Quotient:
    """Shift right by the code and keep only the bits that the result can need.

    Large steps come first, so that each stage is narrower than the one before. Bits that leave
    at the bottom fold into flags, bits that leave at the top into the overflow.
    """
    width = magnitude_bits(config) + 1
    state = _start(config, product, code)
    for bit in reversed(range(config.shift_bits)):
        reach = config.shift_step * ((1 << bit) - 1)
        state = _step(state, config.shift_step << bit, code[bit], width + reach)
        if bit in {config.shift_bits // 2, 0}:
            state, code = _register(pipe, config, state), pipe(code[:bit], "code")
    above = _differ(state.bits[width:], state.negative)
    return Quotient(
        state.bits[1:width], state.negative, state.overflow | above, state.bits[0], state.some, state.every
    )


def _start(config: RequantiseConfig, product: Value, code: Value) -> _Shifter:
    """Take the product from the bit that rounds at the smallest shift; fold those below into the flags."""
    low = config.total_shift_min - 1
    width = magnitude_bits(config) + 1 + config.shift_max - config.shift_min
    bits = Cat(Const(0, 1), product) if low < 0 else product[low:]
    if config.contract == "onnx":
        below = product[: max(low, 0)]
        some, every = below.any(), Const(1, 1)
    elif config.contract == "gemmlowp":
        # Bits under the first rounding's own do not count. With a shift of 0 there is no second
        # rounding, which the flags say by being wrong: some without every.
        below = product[config.fraction_bits - 1 : low]
        moved = code.any() if config.shift_min == 0 else Const(1, 1)
        some, every = below.any() | ~moved, below.all() & moved
    else:
        some, every = Const(0, 1), Const(0, 1)
    return _Shifter(_widen(bits, product[-1], width), product[-1], Const(0, 1), some, every)


def _step(state: _Shifter, distance: int, take: Value, width: int) -> _Shifter:
    """Shift right by ``distance`` if ``take``; keep ``width`` bits."""
    bits = _widen(state.bits, state.negative, width + distance)
    leaving = bits[:distance]
    near = _differ(bits[width : width + distance], state.negative)
    far = _differ(bits[width + distance :], state.negative)
    return _Shifter(
        Mux(take, bits[distance : distance + width], bits[:width]),
        state.negative,
        state.overflow | far | (near & ~take),
        state.some | (leaving.any() & take),
        state.every & (leaving.all() | ~take),
    )


def _register(pipe: Pipe, config: RequantiseConfig, state: _Shifter) -> _Shifter:
    """Register the state; flags that the contract never reads are constants and stay so."""
    onnx, gemmlowp = config.contract == "onnx", config.contract == "gemmlowp"
    return _Shifter(
        pipe(state.bits, "bits"),
        pipe(state.negative, "negative"),
        pipe(state.overflow, "overflow"),
        pipe(state.some, "some") if onnx or gemmlowp else Const(0, 1),
        pipe(state.every, "every") if gemmlowp else Const(0, 1),
    )


def _widen(bits: Value, sign: Value, width: int) -> Value:
    """Extend by the sign to at least ``width`` bits."""
    return Cat(bits, sign.replicate(max(width - len(bits), 0)))


def _differ(bits: Value, sign: Value) -> Value:
    """Tell whether some bit differs from the sign."""
    return (bits ^ sign.replicate(len(bits))).any() if len(bits) else Const(0, 1)
