# SPDX-License-Identifier: BSD-2-Clause
"""Typed integer expressions: every operation gives a type wide enough for its exact result.

An expression is a value; it neither rounds nor wraps unless `Expr.to` or `Expr.low_bits` says so.
"""

from dataclasses import dataclass
from typing import Literal

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True)
class Int:
    """An integer type: ``bits`` wide, two's complement if ``signed``."""

    bits: int
    signed: bool = False

    @property
    def low(self) -> int:
        """Smallest value."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value."""
        return (1 << (self.bits - self.signed)) - 1

    def join(self, other: "Int") -> "Int":
        """Give the least type that holds both."""
        signed = self.signed or other.signed
        return Int(max(side.bits + (signed and not side.signed) for side in (self, other)), signed)


BIT = Int(1)


def type_of(low: int, high: int) -> Int:
    """Give the least type that holds ``low..high``."""
    signed = low < 0
    return Int(max(high.bit_length(), (~low).bit_length() if signed else 0, 1 - signed) + signed, signed)


@dataclass(frozen=True)
class Expr:
    """Base class of scalar expressions.

    Attributes
    ----------
    type : Int
        Of the value.
    """

    type: Int

    def __add__(self, other: "Expr | int") -> "Expr":
        other = lift(other)
        if isinstance(other, Const) and other.value == 0:
            return self
        joined = self.type.join(other.type)
        return Binary(Int(joined.bits + 1, joined.signed), "+", self, other)

    def __radd__(self, other: int) -> "Expr":
        return lift(other) + self

    def __sub__(self, other: "Expr | int") -> "Expr":
        other = lift(other)
        return Binary(Int(self.type.join(other.type).bits + 1, True), "-", self, other)

    def __rsub__(self, other: int) -> "Expr":
        return lift(other) - self

    def __mul__(self, other: "Expr | int") -> "Expr":
        other = lift(other)
        if isinstance(other, Const) and other.value == 1:
            return self
        return Binary(Int(self.type.bits + other.type.bits, self.type.signed or other.type.signed), "*", self, other)

    def __rmul__(self, other: int) -> "Expr":
        return lift(other) * self

    def __neg__(self) -> "Expr":
        return 0 - self

    def __lshift__(self, count: int) -> "Expr":
        """Shift left by a constant."""
        return Shift(Int(self.type.bits + count, self.type.signed), "<<", self, Const(type_of(0, count), count))

    def __rshift__(self, count: "Expr | int") -> "Expr":
        """Shift right, towards minus infinity."""
        if isinstance(count, int):
            if count == 0:
                return self
            bits = max(self.type.bits - count, 1)
            if count >= self.type.bits:  # languages differ on shifts as long as the word
                return mux(self < 0, -1, 0) if self.type.signed else Const(BIT, 0)
            return Shift(Int(bits, self.type.signed), ">>", self, Const(type_of(0, count), count))
        return Shift(self.type, ">>", self, count)

    def shift_left(self, count: "Expr", most: int) -> "Expr":
        """Shift left by a variable of at most ``most``."""
        return Shift(Int(self.type.bits + most, self.type.signed), "<<", self, count)

    def __and__(self, other: "Expr") -> "Expr":
        return Binary(self.type.join(other.type), "&", self, other)

    def __or__(self, other: "Expr") -> "Expr":
        return Binary(self.type.join(other.type), "|", self, other)

    def __xor__(self, other: "Expr") -> "Expr":
        return Binary(self.type.join(other.type), "^", self, other)

    def __lt__(self, other: "Expr | int") -> "Expr":
        return Compare(BIT, "<", self, lift(other))

    def __le__(self, other: "Expr | int") -> "Expr":
        return Compare(BIT, "<=", self, lift(other))

    def __gt__(self, other: "Expr | int") -> "Expr":
        return Compare(BIT, ">", self, lift(other))

    def __ge__(self, other: "Expr | int") -> "Expr":
        return Compare(BIT, ">=", self, lift(other))

    def equals(self, other: "Expr | int") -> "Expr":
        """Compare; ``==`` compares the expressions themselves."""
        return Compare(BIT, "==", self, lift(other))

    def to(self, wanted: Int) -> "Expr":
        """Convert: a narrower type keeps the low bits and reads them anew."""
        return self if wanted == self.type else Cast(wanted, self)

    def low_bits(self, bits: int) -> "Expr":
        """Give the low bits, unsigned."""
        return self.to(Int(bits))

    def bit(self, index: int) -> "Expr":
        """Give one bit."""
        return (self >> index).to(BIT)

    def clamp(self, low: int, high: int) -> "Expr":
        """Saturate to ``low..high``."""
        return mux(self < low, low, mux(self > high, high, self)).to(type_of(low, high))


@dataclass(frozen=True)
class Const(Expr):
    """A number."""

    value: int


@dataclass(frozen=True)
class Name(Expr):
    """A scalar that a statement, a loop or a port has named."""

    name: str


@dataclass(frozen=True)
class Counter(Name):
    """The number of a loop's turn: a plain int in C++."""


@dataclass(frozen=True)
class Binary(Expr):
    """Sum, difference, product, or a bitwise operation."""

    op: Literal["+", "-", "*", "&", "|", "^"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Shift(Expr):
    """A shift; right ones are arithmetic."""

    op: Literal["<<", ">>"]
    value: Expr
    count: Expr


@dataclass(frozen=True)
class Compare(Expr):
    """A comparison of exact values."""

    op: Comparison
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Select(Expr):
    """One of two."""

    condition: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True)
class Cast(Expr):
    """The same bits, cut or extended."""

    value: Expr


@dataclass(frozen=True)
class Vector:
    """A named array.

    Attributes
    ----------
    name : str
        As statements know it.
    type : Int
        Of an element.
    length : int
        Elements.
    """

    name: str
    type: Int
    length: int

    def __getitem__(self, index: "Expr | int") -> Expr:
        return Element(self.type, self, lift(index))


@dataclass(frozen=True)
class Element(Expr):
    """An element of an array."""

    vector: Vector
    index: Expr


def lift(value: Expr | int) -> Expr:
    """Make a constant of a number."""
    return value if isinstance(value, Expr) else Const(type_of(value, value) if value < 0 else type_of(0, value), value)


def mux(condition: Expr, yes: Expr | int, no: Expr | int) -> Expr:
    """Choose."""
    yes, no = lift(yes), lift(no)
    return Select(yes.type.join(no.type), condition, yes, no)


def minimum(left: Expr, right: Expr | int) -> Expr:
    """Give the smaller one."""
    return mux(left < right, left, right)
