# SPDX-License-Identifier: BSD-2-Clause
"""The hardware of one lane: `activate` adds ``config.latency`` registers."""

from itertools import pairwise

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.elementary.kernel import evaluate, lookup
from gatewright.hw.nonlinear.activation import edge_moe
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.plan import Symmetry

RIPPLE = 16  # widest magnitude without a carry chain


def activate(pipe: Pipe, config: ActivationConfig, x: Value, name: str) -> Value:
    """Apply the function to a two's complement value; ``name`` prefixes the signals."""
    match config.method:
        case "table":
            half = 1 << (config.in_bits - 1)
            codes = config.codes.tolist()
            by_word = codes[half:] + codes[:half]  # as unsigned addresses
            return pipe(lookup(pipe.m, x.as_unsigned(), by_word, name), f"{name}_y")
        case "edge_moe":
            return _edge_moe(pipe, config, x, name)
        case _:
            return _symmetric(pipe, config, config.symmetry, x, name)


def _symmetric(pipe: Pipe, config: ActivationConfig, plan: Symmetry, x: Value, name: str) -> Value:
    m, negative, u = pipe.m, x[-1], x[:-1]
    if plan.magnitude:
        u = _magnitude(m, x, name)
        negative, u = pipe(negative, f"{name}_negative"), pipe(u if plan.wide else u[:-1], f"{name}_u")
    if plan.kernel:
        part = evaluate(pipe, plan.kernel, u[: plan.kernel.arg_bits], name)
    else:
        part = lookup(m, u[: config.in_bits - 1], plan.words, name)
        if plan.top is not None:
            part = Mux(u[-1], Const(plan.top, part.shape()), part)
        part = part if isinstance(part, Const) else pipe(part, f"{name}_part")

    wait = plan.depth - 1  # the last register of the wait takes the sign in
    negative = pipe(negative, f"{name}_negative", wait)
    if plan.kind == "relu":
        total = _base(pipe, plan, negative, pipe(u[: config.in_bits - 1], f"{name}_u", wait), name) - part
    else:
        negative = pipe(negative, f"{name}_negative")
        other = _reflect(plan.turn, part, negative) if plan.kind == "reflect" else Const(plan.turn)
        total = other if plan.kind == "reflect" else Mux(negative, other, part)
    code = saturate(total.shift_right(plan.guard), (plan.low, plan.high), config.out_bits, config.out_signed)
    return pipe(code.as_signed() if config.out_signed else code, f"{name}_y")


def _magnitude(m: Module, x: Value, name: str) -> Value:
    """Give ``|x|``, as wide as x."""
    negative = x[-1]
    magnitude = Signal(len(x), name=f"{name}_magnitude")
    if len(x) > RIPPLE:
        m.d.comb += magnitude.eq(Mux(negative, -x, x))
        return magnitude
    # A bit flips if the number is negative and a lower bit is set: half the LUTs of a carry chain and a mux.
    flip = Const(0, 1)
    for at in range(len(x) - 1):
        m.d.comb += magnitude[at].eq(x[at] ^ flip)
        ripple = Signal(name=f"{name}_flip")
        m.d.comb += ripple.eq(negative & x[at] if at == 0 else flip | (negative & x[at]))
        flip = ripple
    m.d.comb += magnitude[-1].eq(negative & ~flip)
    return magnitude


def _base(pipe: Pipe, plan: Symmetry, negative: Value, u: Value, name: str) -> Value:
    """Give ``slope*relu(x) + bias``, registered; the negative side is the register's synchronous reset."""
    if plan.slope == 0:
        return Const(plan.bias)
    above = _times(u, plan.slope) + plan.bias if plan.bias else _times(u, plan.slope)
    high = plan.slope * ((1 << len(u)) - 1) + plan.bias
    shape = Shape.cast(range(min(plan.bias, 0), max(high, 0) + 1))
    base = Signal(shape, name=f"{name}_base", reset_less=True)
    with pipe.m.If(pipe.enable):
        pipe.m.d.sync += base.eq(above)
        with pipe.m.If(negative):
            pipe.m.d.sync += base.eq(plan.bias)
    return base


def _times(u: Value, factor: int) -> Value:
    """Multiply by a positive constant: shifts, added or subtracted, as few as signed digits allow."""
    total: Value | None = None
    at = 0
    while factor:
        if factor & 1:
            digit = 2 - (factor & 3)
            term = u.shift_left(at)
            total = (term if digit > 0 else -term) if total is None else total + term if digit > 0 else total - term
            factor -= digit
        factor, at = factor >> 1, at + 1
    assert total is not None
    return total


def _reflect(turn: int, part: Value, negative: Value) -> Value:
    """Give ``turn - part`` or ``part`` on one carry chain: the complement is one less than the negative."""
    bits = part if part.shape().signed else Cat(part, Const(0, 1))
    flipped = Cat(bit ^ negative for bit in bits).as_signed()
    return flipped + Mux(negative, Const(turn + 1), Const(0, 1)) if turn + 1 else flipped


def saturate(value: Value, reach: tuple[int, int], bits: int, signed: bool) -> Value:
    """Narrow a value of ``reach[0]..reach[1]`` to an integer; logic only for the limits that it passes."""
    shape = Shape.cast(range(min(reach[0], 0), max(reach[1], 0) + 1))
    missing = max(shape.width - len(value), 0)
    sign = value[-1] if value.shape().signed else Const(0, 1)
    word = Cat(value, sign.replicate(missing))[: shape.width]
    below = word[-1] if shape.signed else Const(0, 1)
    code = Cat(word, below.replicate(max(bits - shape.width, 0)))[:bits]

    top = bits - signed  # the highest code is all ones, so a limit is a test of bits
    high, low = (1 << top) - 1, -(1 << top) if signed else 0
    if reach[1] > high:
        code = Mux(~below & word[top:].any(), Const(high, bits), code)
    if reach[0] < low:
        code = Mux(below & ~word[top:].all() if signed else below, Const(low, bits), code)
    return code


def _edge_moe(pipe: Pipe, config: ActivationConfig, x: Value, name: str) -> Value:
    """Look up entry and slope, multiply, subtract from relu(x)."""
    m, bits = pipe.m, edge_moe.STEP_BITS
    magnitude = _magnitude(m, x, name)
    # From the cut on all entries and slopes are 0, also at the address that stands for all behind the table.
    beyond = magnitude[bits + 8 : -1].any()
    at = pipe(Cat(bit | beyond for bit in magnitude[bits : bits + 8]), f"{name}_at")
    offset, relu = pipe(magnitude[:bits], f"{name}_offset"), pipe(Mux(x[-1], 0, x[:-1]), f"{name}_relu")

    table = edge_moe.table()
    slopes = [b - a for a, b in pairwise(table)]
    none = [0] * ((1 << len(at)) - len(slopes))
    entry = pipe(lookup(m, at, [*table[:-1], *none], f"{name}_table"), f"{name}_entry")
    slope = pipe(lookup(m, at, [*slopes, *none], f"{name}_slopes"), f"{name}_slope")
    offset, relu = pipe(offset, f"{name}_offset"), pipe(relu, f"{name}_relu")

    product = pipe((offset * slope).shift_right(bits), f"{name}_product")
    base = pipe(relu - entry, f"{name}_base")
    return pipe((base - product)[: config.out_bits], f"{name}_y")
