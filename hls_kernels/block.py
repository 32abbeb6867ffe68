# SPDX-License-Identifier: BSD-2-Clause
"""Statements: names for values, constant tables, and loops of constant length."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.hls_kernels.expr import Counter, Expr, Int, Name, Vector, lift, minimum, type_of


@dataclass(frozen=True)
class Let:
    """A value gets a name."""

    name: str
    value: Expr


@dataclass(frozen=True)
class Table:
    """Constants."""

    vector: Vector
    values: tuple[int, ...]


@dataclass(frozen=True)
class Put:
    """The next state of an array: as before but for some elements."""

    vector: Vector
    places: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True)
class Loop:
    """Turns ``0..count-1``, each of which makes the next state from the last.

    Attributes
    ----------
    count : int
        Turns.
    index : Counter
        Number of the turn.
    states : tuple of Name or Vector
        What is carried; known by these names inside the loop and behind it.
    first : tuple of Expr, int or Vector
        Start values; an array starts with one number in all its places, or as another array.
    body : Block
        Statements of a turn.
    following : tuple of Expr or Put
        Next states.
    parallel : bool
        Turns are independent, or may be unrolled: hardware of their own each.
    """

    count: int
    index: Counter
    states: tuple["Name | Vector", ...]
    first: tuple["Expr | int | Vector", ...]
    body: "Block"
    following: tuple["Expr | Put", ...]
    parallel: bool


@dataclass
class Block:
    """Statements in order."""

    statements: list["Let | Table | Loop"] = field(default_factory=list)


class Builder:
    """Write a kernel's statements.

    Names are made unique, so that a kernel may call one helper twice.
    """

    def __init__(self) -> None:
        self.block = Block()
        self._stack = [self.block]
        self._used: dict[str, int] = {}

    def name(self, wish: str) -> str:
        """Give a name that is not in use."""
        count = self._used.get(wish, 0)
        self._used[wish] = count + 1
        return wish if count == 0 else self.name(f"{wish}_{count + 1}")

    def let(self, name: str, value: Expr) -> Expr:
        """Name a value, which is so computed once."""
        found = Name(value.type, self.name(name))
        self._stack[-1].statements.append(Let(found.name, value))
        return found

    def clamp(self, name: str, value: Expr, low: int, high: int) -> Expr:
        """Saturate, and name what is saturated unless it has a name."""
        return (value if isinstance(value, Name) else self.let(name, value)).clamp(low, high)

    def table(self, name: str, values: Sequence[int], kind: Int | None = None) -> Vector:
        """Store constants."""
        vector = Vector(self.name(name), kind or type_of(min(*values, 0), max(*values, 0)), len(values))
        self._stack[-1].statements.append(Table(vector, tuple(values)))
        return vector

    def look_up(self, name: str, values: Sequence[int], index: Expr) -> Expr:
        """Read a constant table; an index behind its end reads the last entry."""
        if len(set(values)) == 1:
            return lift(values[0])
        table = self.table(f"{name}_table", values)
        last = len(values) - 1
        if index.type.high > last:
            index = self.let(f"{name}_at", minimum(index, last).to(type_of(0, last)))
        return self.let(name, table[index])

    def map(self, name: str, count: int, kind: Int, make: Callable[[Expr], Expr]) -> Vector:
        """Make an array element by element."""
        vector = Vector(self.name(name), kind, count)
        self._loop(count, (vector,), (0,), lambda i, states: (Put(states[0], ((i, make(i).to(kind)),)),), True)
        return vector

    def fold(self, name: str, count: int, kind: Int, start: Expr | int, step: Callable[[Expr, Expr], Expr]) -> Expr:
        """Carry one number through ``count`` turns; it is kept as ``kind``."""
        state = Name(kind, self.name(name))
        self._loop(count, (state,), (lift(start).to(kind),), lambda i, states: (step(i, states[0]).to(kind),), True)
        return state

    def walk(
        self, count: int, states: Mapping[str, tuple[Int, Expr | int]],
        step: Callable[[Expr, tuple[Expr, ...]], Sequence[Expr]], parallel: bool = False,
    ) -> tuple[Expr, ...]:  # fmt: skip
        """Carry several numbers through ``count`` turns."""
        names = tuple(Name(kind, self.name(name)) for name, (kind, _) in states.items())
        first = tuple(lift(start).to(kind) for kind, start in states.values())

        def turn(i: Expr, _: Any) -> tuple[Expr, ...]:
            return tuple(value.to(name.type) for value, name in zip(step(i, names), names, strict=True))

        self._loop(count, names, first, turn, parallel)
        return names

    def update(
        self, count: int, vectors: Sequence[Vector], first: Sequence[int | Vector],
        step: Callable[[Expr], Sequence[Sequence[tuple[Expr | int, Expr]]]], parallel: bool = False,
    ) -> None:  # fmt: skip
        """Carry arrays through ``count`` turns, each of which writes some of their elements; see `vector`."""

        def turn(i: Expr, states: tuple[Vector, ...]) -> tuple[Put, ...]:
            return tuple(
                Put(vector, tuple((lift(at), value.to(vector.type)) for at, value in writes))
                for vector, writes in zip(states, step(i), strict=True)
            )

        self._loop(count, tuple(vectors), tuple(first), turn, parallel)

    def vector(self, name: str, kind: Int, length: int) -> Vector:
        """Declare an array for `update`."""
        return Vector(self.name(name), kind, length)

    def _loop(
        self, count: int, states: tuple[Name | Vector, ...], first: tuple[Expr | int | Vector, ...],
        turn: Callable[[Expr, Any], tuple[Expr | Put, ...]], parallel: bool,
    ) -> None:  # fmt: skip
        index = Counter(type_of(0, max(count - 1, 1)), self.name("i"))
        body = Block()
        self._stack.append(body)
        following = tuple(turn(index, states))
        self._stack.pop()
        self._stack[-1].statements.append(Loop(count, index, states, first, body, following, parallel))
