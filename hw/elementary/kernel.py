# SPDX-License-Identifier: BSD-2-Clause
"""The hardware side of a plan: tables, multipliers, adders, a register after each."""

from collections.abc import Sequence
from typing import Literal

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.elementary.plan import Plan, Table

Storage = Literal["logic", "memory"]


def evaluate(pipe: Pipe, plan: Plan, u: Value, name: str = "kernel", storage: Storage = "logic") -> Value:
    """Build the plan's function of ``u``, an unsigned value of ``plan.arg_bits``; ``plan.latency`` registers.

    Parameters
    ----------
    pipe : Pipe
        The registers' enable.
    name : str
        Prefix of the signals; give each copy its own.
    storage : str
        ``logic`` makes LUTs of the tables; ``memory`` writes each as one list, from which synthesis may make
        block RAM.
    """
    d = u[: plan.offset_bits]
    total = _hold(pipe, read(pipe.m, plan.c0, u, f"{name}_c0", storage), f"{name}_c0")
    if plan.product is not None:
        address = Cat(d, u[plan.product.granule_bits :])
        product = pipe(
            lookup(pipe.m, address, plan.product.values, f"{name}_product", storage), f"{name}_product"
        )
        return _finish(pipe, plan, total, product, name)
    if plan.c1 is None:
        return _cut(plan, total)
    slope = _hold(pipe, read(pipe.m, plan.c1, u, f"{name}_c1", storage), f"{name}_c1")
    d = pipe(d, f"{name}_d")
    if plan.c2 is not None:
        curve = _hold(pipe, read(pipe.m, plan.c2, u, f"{name}_c2", storage), f"{name}_c2")
        bend = pipe((curve * d).shift_right(plan.inner_drop), f"{name}_bend")
        slope = pipe(_hold(pipe, slope, f"{name}_c1") + bend, f"{name}_slope")
        total, d = _hold(pipe, total, f"{name}_c0", 2), pipe(d, f"{name}_d", 2)
    product = pipe((slope * d).shift_right(plan.drop), f"{name}_product")
    return _finish(pipe, plan, _hold(pipe, total, f"{name}_c0"), product, name)


def _finish(pipe: Pipe, plan: Plan, total: Value, product: Value, name: str) -> Value:
    """Add modulo the sum's width, drop the fraction, register."""
    value = total + product
    if len(value) > plan.sum_bits:
        value = value[: plan.sum_bits].as_signed() if plan.signed else value[: plan.sum_bits]
    return _cut(plan, pipe(value.shift_right(plan.shift), f"{name}_sum"))


def _hold(pipe: Pipe, value: Value, name: str, cycles: int = 1) -> Value:
    """Delay a value; a constant needs no register."""
    return value if isinstance(value, Const) else pipe(value, name, cycles)


def _cut(plan: Plan, value: Value) -> Value:
    """Give a value the result's width and signedness."""
    missing = max(plan.out_bits - len(value), 0)
    top = value[-1] if value.shape().signed else Const(0, 1)
    bits = Cat(value, top.replicate(missing))[: plan.out_bits]
    return bits.as_signed() if plan.signed else bits


def read(m: Module, table: Table, u: Value, name: str, storage: Storage = "logic") -> Value:
    """Look up the table's constant for an argument."""
    return lookup(m, u[table.granule_bits :], table.values, name, storage)


def lookup(m: Module, address: Value, values: Sequence[int], name: str, storage: Storage = "logic") -> Value:
    """Look up a constant without a register; addresses behind the end give the last one."""
    low, high = min(values), max(values)
    if low == high:
        return Const(low)
    shape = Shape.cast(range(low, high + 1))
    if storage == "memory":
        return _cases(m, address, tuple(values), shape, name)
    # A tree of multiplexers in which equal branches are one: no tool takes that for a memory.
    numbers = [*values, *[values[-1]] * ((1 << len(address)) - len(values))]  # equal numbers, equal branches
    words: list[Value] = [Const(value, shape) for value in numbers]
    for select in address:
        made: dict[tuple[int, int], int] = {}
        branches: list[Value] = []
        for at in range(0, len(words), 2):
            pair = (numbers[at], numbers[at + 1])
            if pair not in made:
                made[pair] = len(branches)
                branches.append(words[at] if pair[0] == pair[1] else _choose(select, words[at], words[at + 1], shape))
        numbers = [made[pair] for pair in zip(numbers[::2], numbers[1::2], strict=True)]
        words = [branches[number] for number in numbers]
    return words[0]


def _choose(select: Value, low: Value, high: Value, shape: Shape) -> Value:
    word = Mux(select, high, low)[: shape.width]
    return word.as_signed() if shape.signed else word


def _cases(m: Module, address: Value, values: tuple[int, ...], shape: Shape, name: str) -> Value:
    """Write a list of constants, one case per address."""
    word = Signal(shape, name=f"{name}_entry")
    with m.Switch(address):
        for at, value in enumerate(values[:-1]):
            with m.Case(at):
                m.d.comb += word.eq(value)
        with m.Default():
            m.d.comb += word.eq(values[-1])
    return word


__all__ = ["Storage", "evaluate", "lookup", "read"]
