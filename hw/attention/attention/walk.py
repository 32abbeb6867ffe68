# SPDX-License-Identifier: BSD-2-Clause
"""Counters that walk through steps and rows, and tell each other how far they are.

A position is a block's number, kept modulo a few, and a step or a slot within the block. Every wait of
the engine compares two positions; a block's number has enough bits for the distances that occur.
"""

from amaranth import Const, Module, Mux, Signal, Value

from gatewright.hw.attention.attention.config import AttentionConfig


class Counter:
    """Count from 0 to ``limit - 1``, over and over; no register for a limit of 1.

    Attributes
    ----------
    value, last : Value
        The count, and whether it is the greatest.
    """

    def __init__(self, limit: int, name: str) -> None:
        self.limit = limit
        self.value: Value = Signal(range(limit), name=name) if limit > 1 else Const(0, 0)
        self.last: Value = Signal(name=f"{name}_last") if limit > 1 else Const(1, 1)

    def build(self, m: Module, step: Value, wrap: Value | None = None) -> None:
        """Count when ``step``; begin anew if ``wrap``, which is the greatest count if not given."""
        if self.limit == 1:
            return
        m.d.comb += self.last.eq(self.value == self.limit - 1)
        following = (self.value + 1)[: len(self.value)]
        if wrap is not None or self.limit & (self.limit - 1):
            following = Mux(self.last if wrap is None else wrap, 0, following)
        with m.If(step):
            m.d.sync += self.value.eq(following)


class Steps:
    """Walk through the words of a step, the steps of a block, the blocks of a sequence.

    Attributes
    ----------
    part, head, key, block : Counter
        Where the walk is.
    turn : Signal
        The block's number, counted on through all sequences.
    end, block_end, final : Value
        The word is the last of its step, of its block, of its sequence.
    """

    def __init__(self, config: AttentionConfig, parts: int, name: str) -> None:
        self.config = config
        self.part, self.head = Counter(parts, f"{name}_part"), Counter(config.heads, f"{name}_head")
        self.key, self.block = Counter(config.tokens, f"{name}_key"), Counter(config.blocks, f"{name}_block")
        self.turn = Signal(config.turn_bits, name=f"{name}_turn")
        self.end, self.block_end, self.final = (
            Signal(name=f"{name}_{what}") for what in ("end", "block_end", "final")
        )

    def build(self, m: Module, step: Value) -> None:
        """Go on by a word when ``step``."""
        extra = self.config.extra
        cut = self.block.last & (self.key.value == extra - 1) if extra else Const(0, 1)
        m.d.comb += [
            self.end.eq(self.part.last & self.head.last),
            self.block_end.eq(self.end & (self.key.last | cut)),
            self.final.eq(self.end & (cut if extra else self.key.last & self.block.last)),
        ]
        self.part.build(m, step)
        self.head.build(m, step & self.part.last)
        self.key.build(m, step & self.end, self.block_end if extra else None)
        self.block.build(m, step & self.block_end)
        with m.If(step & self.block_end):
            m.d.sync += self.turn.eq(self.turn + 1)


class Rows:
    """Walk through the rows of a softmax: keys in rotated order, heads, queries.

    Attributes
    ----------
    key : Counter
        The key of the present element.
    head, place : Counter
        Head of the row, and its slot's place among those of the unit.
    turn : Signal
        Number of the block in which the query began.
    turned : Value
        Number, modulo 2, of the block in which the query meets the key.
    slot : Value
        The query's slot.
    last : Signal
        The element ends its row.
    """

    def __init__(self, config: AttentionConfig, unit: int, name: str) -> None:
        self.unit, self.units = unit, config.units
        self.slots, self.jump = config.slots_of(unit), config.jump(unit)
        self.tokens, self.bits = config.tokens, max((config.slots - 1).bit_length(), 1)
        self.head, self.place = Counter(config.heads, f"{name}_head"), Counter(len(self.slots), f"{name}_place")
        self.query = Counter(len(config.queries_of(unit)), f"{name}_query")
        first = Signal(range(config.tokens), name=f"{name}_key", init=unit) if config.tokens > 1 else Const(0, 0)
        self.key: Value = first
        self.turn = Signal(config.turn_bits, name=f"{name}_turn")
        self.turned, self.last = Signal(name=f"{name}_turned"), Signal(name=f"{name}_last")
        self.slot: Value = Const(unit, self.bits)
        if len(self.slots) > 1:
            self.slot = (self.place.value * config.units + unit)[: self.bits]

    def build(self, m: Module, step: Value) -> None:
        """Go on by an element when ``step``."""
        self.head.build(m, step & self.last)
        leave = step & self.last & self.head.last  # the query
        wrap = self.place.last | self.query.last
        self.query.build(m, leave)
        self.place.build(m, leave, wrap)
        with m.If(leave & wrap):
            m.d.sync += self.turn.eq(self.turn + Mux(self.query.last, self.jump, 1))
        self._keys(m, step, wrap)

    def reached(self, steps: Steps) -> Value:
        """Tell whether a walk's step is at the slot or behind it; a comparison with 0 is none, for lint's sake."""
        return steps.key.value >= self.slot if self.slots != range(1) else Const(1)

    def _keys(self, m: Module, step: Value, wrap: Value) -> None:
        """Begin each row at the key whose number is the slot's, end it with the key before."""
        if self.tokens == 1:
            m.d.comb += [self.last.eq(1), self.turned.eq(self.turn[0])]
            return
        following = Signal(range(self.tokens), name="key_next")
        final = self.key == self.tokens - 1
        m.d.comb += [
            following.eq(self.key + 1 if self.tokens & (self.tokens - 1) == 0 else Mux(final, 0, self.key + 1)),
            self.last.eq(following == self.slot),
        ]
        with m.If(step):
            m.d.sync += self.key.eq(following)
            with m.If(self.last & self.head.last):  # slots of a unit are as far apart as there are units
                m.d.sync += self.key.eq(Mux(wrap, self.unit, self.slot + self.units))
        if self.slots == range(1):  # a row from key 0 on stays in its block
            m.d.comb += self.turned.eq(self.turn[0])
            return
        after = Signal(name="after_wrap")
        m.d.comb += self.turned.eq(self.turn[0] ^ after)
        with m.If(step):
            m.d.sync += after.eq((after | final) & ~self.last)


def ahead(m: Module, first: Value, second: Value, name: str) -> Signal:
    """Count the blocks by which the first walk is ahead, modulo what a block's number holds."""
    distance = Signal(len(first), name=f"{name}_ahead")
    m.d.comb += distance.eq(first - second)
    return distance
