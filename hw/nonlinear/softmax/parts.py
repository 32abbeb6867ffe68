# SPDX-License-Identifier: BSD-2-Clause
"""Circuits that the algorithms share: segments, row buffer, dividers, the statistic's register."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from amaranth import Array, Cat, Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.elementary.divide.component import Divide
from gatewright.hw.elementary.divide.config import DivideConfig


class Flow(Pipe):
    """A segment's registers: payload without reset, marks with reset, all under one enable."""

    def mark(self, value: Value, name: str, cycles: int = 1) -> Value:
        """Delay a bit that counts on its own, such as valid."""
        for _ in range(cycles):
            register = Signal(name=name)
            with self.m.If(self.enable):
                self.m.d.sync += register.eq(value)
            value = register
        return value

    def clear(self, value: Value, keep: Value | None, name: str) -> Value:
        """Delay a value, or 0 in its place: a register's synchronous clear costs no logic."""
        if keep is None:
            return self(value, name)
        register = Signal(Shape.cast(value.shape()), name=name, reset_less=True)
        with self.m.If(self.enable):
            self.m.d.sync += register.eq(value)
            with self.m.If(~keep):
                self.m.d.sync += register.eq(0)
        return register

    def tree(self, values: Sequence[Value], join: Callable[[Value, Value], Value], name: str) -> Value:
        """Join values in pairs, a register after each level; one register at least."""
        level = list(values)
        while True:
            joined = [join(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
            level = [self(value, name) for value in (*joined, *level[2 * len(joined) :])]
            if len(level) == 1:
                return level[0]


def maximum(a: Value, b: Value) -> Value:
    """Give the greater one."""
    return Mux(a > b, a, b)


def add(a: Value, b: Value) -> Value:
    """Give the sum, without loss."""
    return a + b


def lookup(values: Sequence[int], index: Value) -> Value:
    """Read a table."""
    width = max(max(values).bit_length(), 1)
    return Array(Const(value, unsigned(width)) for value in values)[index]


@dataclass(frozen=True)
class Slot:
    """The statistic of the row that is being read."""

    valid: Signal
    fields: dict[str, Value]


class RowBuffer:
    """Beats of whole rows between two segments.

    A row is read only after its statistic has arrived, two cycles or more after its last beat was
    written: so nothing needs to tell whether the head is there, and the memory may be read anew in
    every cycle.

    Parameters
    ----------
    depth : int
        Beats.
    limited : bool
        Whether `full` can happen.
    """

    def __init__(self, m: Module, fields: dict[str, Value], depth: int, limited: bool, name: str) -> None:
        self.m, self.depth, self.name = m, depth, name
        self.data = Cat(*fields.values())
        self.push = Signal(name=f"{name}_push")
        memory = Memory(shape=unsigned(len(self.data)), depth=depth, init=[], attrs={"ram_style": "block"})
        m.submodules[name] = memory
        self.write, self.read = memory.write_port(), memory.read_port()
        self.fields = dict(zip(fields, self._cut([len(value) for value in fields.values()]), strict=True))
        self.written = Signal(range(depth), name=f"{name}_written")
        self.limited = limited
        self.full: Value = Signal(name=f"{name}_full") if limited else Const(0, 1)

    def _cut(self, widths: list[int]) -> list[Value]:
        ends = [sum(widths[: index + 1]) for index in range(len(widths))]
        return [self.read.data[end - width : end] for width, end in zip(widths, ends, strict=True)]

    def connect(self, take: Value, rewind: Value | None = None, keep: Value | None = None) -> None:
        """Move the head on each ``take``.

        With ``rewind`` the head goes back to the first beat that is kept instead; while ``keep``
        holds, beats that were read stay.
        """
        m, following = self.m, Signal(range(self.depth), name=f"{self.name}_following")
        head = Signal(range(self.depth), name=f"{self.name}_head")
        m.d.comb += [
            self.write.addr.eq(self.written), self.write.data.eq(self.data), self.write.en.eq(self.push),
            self.read.addr.eq(following), self.read.en.eq(1),
        ]  # fmt: skip
        m.d.sync += head.eq(following)
        with m.If(self.push):
            m.d.sync += self.written.eq(self._next(self.written))
        m.d.comb += following.eq(Mux(take, self._next(head), head))
        if rewind is not None and keep is not None:
            first = Signal(range(self.depth), name=f"{self.name}_first")
            with m.If(~keep):
                m.d.sync += first.eq(following)
            with m.If(rewind):
                m.d.comb += following.eq(first)
        if self.limited:
            # As many written as there are places: a count, since the pointers alone cannot tell full from empty.
            stored = Signal(range(self.depth + 1), name=f"{self.name}_stored")
            frees = take if keep is None else take & ~keep
            with m.If(self.push & ~frees):
                m.d.sync += stored.eq(stored + 1)
            with m.Elif(frees & ~self.push):
                m.d.sync += stored.eq(stored - 1)
            m.d.comb += self.full.eq(stored == self.depth)

    def _next(self, pointer: Signal) -> Value:
        if self.depth & (self.depth - 1) == 0:
            return (pointer + 1)[: len(pointer)]
        return Mux(pointer == self.depth - 1, 0, pointer + 1)[: len(pointer)]


def hold(m: Module, valid: Value, fields: dict[str, Value], frees: Value, name: str) -> tuple[Slot, Value]:
    """Register a statistic until its row has been read, behind a place for the next one.

    Whether the next one may come is told by a register alone: the end of a row, which is known late,
    goes no further than the two places.
    """
    waiting, slot = _slot(fields, f"{name}_next"), _slot(fields, name)
    free = ~slot.valid | frees
    with m.If(~waiting.valid):
        m.d.sync += [waiting.valid.eq(valid), *(waiting.fields[key].eq(value) for key, value in fields.items())]
    with m.Elif(free):
        m.d.sync += waiting.valid.eq(0)
    with m.If(free):
        m.d.sync += [slot.valid.eq(waiting.valid), *(slot.fields[key].eq(waiting.fields[key]) for key in fields)]
    return slot, ~waiting.valid


def _slot(fields: dict[str, Value], name: str) -> Slot:
    places = {key: Signal(len(value), name=f"{name}_{key}", reset_less=True) for key, value in fields.items()}
    return Slot(Signal(name=f"{name}_valid"), places)


@dataclass(frozen=True)
class Division:
    """Dividers that take turns, and what travels beside each division."""

    ready: Value
    valid: Value
    quotient: Value
    fields: dict[str, Value]


def divide(
    m: Module, count: int, operands: tuple[Value, Value], quotient_bits: int,
    start: Value, fields: dict[str, Value], taken: Value, name: str = "divide",
) -> Division:  # fmt: skip
    """Give ``numerator << quotient_bits`` by the divisor, in one bit more than ``quotient_bits``.

    Parameters
    ----------
    operands : tuple
        Numerator and divisor; the first is not the greater.
    start : Value
        The operands count; they are taken if `Division.ready`.
    taken : Value
        Whoever reads the quotient is free.
    """
    numerator, divisor = operands
    config = DivideConfig(
        numerator_bits=len(numerator) + quotient_bits, divisor_bits=len(divisor), quotient_bits=quotient_bits + 1
    )
    units = [Divide(config) for _ in range(count)]
    enter, leave = _turns(m, count, f"{name}_enter"), _turns(m, count, f"{name}_leave")
    beside: list[dict[str, Value]] = []
    for index, unit in enumerate(units):
        m.submodules[f"{name}_{index}"] = unit
        load = Signal(name=f"{name}_load")
        m.d.comb += [
            unit.i.payload.numerator.eq(Cat(Const(0, quotient_bits), numerator)),
            unit.i.payload.divisor.eq(divisor),
            unit.i.valid.eq(start & enter[index]),
            unit.o.ready.eq(taken & leave[index]),
            load.eq(unit.i.valid & unit.i.ready),
        ]
        copies = {key: Signal(len(value), name=f"{name}_{key}", reset_less=True) for key, value in fields.items()}
        with m.If(load):
            m.d.sync += [copies[key].eq(value) for key, value in fields.items()]
        beside.append(copies)
    ready = _pick(enter, [unit.i.ready for unit in units])
    valid = _pick(leave, [unit.o.valid for unit in units])
    _advance(m, enter, start & ready)
    _advance(m, leave, valid & taken)
    quotient = _pick(leave, [unit.o.payload.quotient for unit in units])
    return Division(
        ready, valid, quotient, {key: _pick(leave, [copies[key] for copies in beside]) for key in fields}
    )


def _turns(m: Module, count: int, name: str) -> Value:
    """One bit per divider; the one whose turn it is has its bit set."""
    return Signal(count, init=1, name=name) if count > 1 else Const(1, 1)


def _advance(m: Module, turns: Value, go: Value) -> None:
    if len(turns) > 1:
        with m.If(go):
            m.d.sync += turns.eq(turns.rotate_left(1))


def _pick(turns: Value, values: Sequence[Value]) -> Value:
    if len(values) == 1:
        return values[0]
    picked: Value = Const(0, 1)
    for index, value in enumerate(values):
        picked = picked | (value & turns[index].replicate(len(value)))
    return picked
