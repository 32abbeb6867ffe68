# SPDX-License-Identifier: BSD-2-Clause
"""From queries and keys to scores: all slots meet one key per step."""

from dataclasses import dataclass
from typing import Any

from amaranth import Cat, Const, Module, Signal, Value, signed

from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.matrix import Matrix, few_words
from gatewright.hw.attention.attention.walk import Steps
from gatewright.hw.core.pipe import Pipe
from gatewright.hw.quantise.requantise.component import Requantise


@dataclass(frozen=True)
class Scale:
    """Multiplier and shift code of a sequence."""

    multiplier: Signal
    shift: Signal | None

    @classmethod
    def registers(cls, config: AttentionConfig, name: str) -> "Scale":
        """Make registers for them; no shift code if it has no bits."""
        shift = Signal(config.shift_bits, name=f"{name}_shift", reset_less=True) if config.shift_bits else None
        return cls(Signal(config.multiplier_bits, name=f"{name}_multiplier", reset_less=True), shift)

    def load(self, m: Module, multiplier: Value, shift: Value | None) -> None:
        """Take new values, within the caller's condition."""
        m.d.sync += self.multiplier.eq(multiplier)
        if self.shift is not None and shift is not None:
            m.d.sync += self.shift.eq(shift)

    def give(self, m: Module, payload: Any) -> None:
        """Connect them to a requantiser's input."""
        m.d.comb += payload.multiplier.eq(self.multiplier)
        if self.shift is not None:
            m.d.comb += payload.shift.eq(self.shift)


@dataclass(frozen=True)
class Scores:
    """Scores that leave: all slots' of a head and key, a group of slots a cycle.

    Attributes
    ----------
    values : list of Value
        One per slot.
    picks : list of Value
        Whether a slot's value counts.
    address : Value
        Head, block modulo 2, key; lowest bits first.
    """

    values: list[Value]
    picks: list[Value]
    address: Value


class Scorer:
    """Walk the keys past the slots' queries.

    Attributes
    ----------
    issued : Steps
        Where reading is.
    written : Steps
        Where writing is.
    go : Signal
        A word is read in this cycle.
    blocked : Signal
        The scores' places are not yet free; the caller drives it.
    """

    def __init__(self, m: Module, config: AttentionConfig, queries: Matrix, keys: Matrix) -> None:
        self.m, self.config, self.queries, self.keys = m, config, queries, keys
        self.issued, self.written = Steps(config, config.parts, "read"), Steps(config, config.groups, "written")
        self.go, self.blocked, self.fresh = Signal(name="score"), Signal(name="score_blocked"), Signal()
        self.scale = Scale.registers(config, "score")

    def build(self, opened: Value) -> Scores:
        """Build everything; ``opened`` tells that a sequence is under way."""
        self._issue(opened)
        valid, ends, sums = self._dots()
        return self._requantise(valid, ends, sums)

    def _issue(self, opened: Value) -> None:
        """Read a key's word, and the query's word whose slot begins with this key."""
        m, issued = self.m, self.issued
        for matrix in (self.queries, self.keys):  # all queries are there when the first walk through the keys ends
            matrix.want(m, issued.key.value)
            m.d.comb += matrix.clear.eq(self.go & issued.final)
        # Behind the last query, whatever is read goes into slots whose results never leave.
        m.d.comb += [
            self.fresh.eq(issued.key.value < self.config.slots),
            self.go.eq(opened & self.keys.here & self.queries.here & ~self.blocked),
            self.keys.read.eq(self.go), self.keys.rewind.eq(self.go & issued.block_end),
            self.queries.read.eq(self.go & self.fresh), self.queries.rewind.eq(self.go & issued.final),
        ]  # fmt: skip
        issued.build(m, self.go)

    def _dots(self) -> tuple[Value, Value, list[Value]]:
        """Multiply and add: registers behind memories, operands, products, their sums; never a stall."""
        m, config, issued = self.m, self.config, self.issued
        pipe = Pipe(m)
        m.d.comb += pipe.enable.eq(1)
        word = Cat(issued.part.value, issued.head.value)
        later = pipe(word, "word")
        valid: Value = self.go
        for _ in range(4):
            earlier, valid = valid, Signal(name="valid")
            m.d.sync += valid.eq(earlier)
        ends = pipe(issued.part.last, "ends", 4)

        key = lanes_of(pipe(self.keys.data, "key"), config)
        sums = []
        for slot in range(config.slots):
            fresh = Signal(name=f"fresh_{slot}")
            m.d.sync += fresh.eq(self.go & self.fresh & (issued.key.value == slot))
            depth = config.parts if config.heads == 1 else config.heads << len(issued.part.value)
            kept = few_words(
                m, f"query_{slot}", len(self.queries.data), depth, (word, Const(1)), (later, fresh, self.queries.data)
            )
            query = Signal(len(kept), name=f"query_word_{slot}", reset_less=True)
            m.d.sync += query.eq(kept)
            with m.If(fresh):
                m.d.sync += query.eq(self.queries.data)
            products = [pipe(a * b, "product") for a, b in zip(lanes_of(query, config), key, strict=True)]
            sums.append(pipe(total(products), "sum"))
        return valid, ends, sums

    def _requantise(self, valid: Value, ends: Value, sums: list[Value]) -> Scores:
        """Add up a head's words, then send the slots' sums through the requantiser, a group a cycle."""
        m, config = self.m, self.config
        lanes = config.score_lanes
        m.submodules.scorer = scorer = Requantise(config.scorer)
        drain = [Signal(signed(config.dot_bits), name=f"dot_{slot}", reset_less=True) for slot in range(len(sums))]
        busy = Signal(config.groups, name="dots_left")  # a bit per group still to go, the next one lowest
        m.d.sync += busy.eq(busy >> 1)
        for slot, here in enumerate(drain[: max(len(drain) - lanes, 0)]):
            m.d.sync += here.eq(drain[slot + lanes])
        with m.If(valid & ends):
            m.d.sync += busy.eq(-1)
        for slot, value in enumerate(sums):
            whole: Value = value
            if config.parts > 1:
                acc = Signal(signed(config.dot_bits), name=f"acc_{slot}")
                whole = acc + value
                with m.If(valid):
                    m.d.sync += acc.eq(whole)
                    with m.If(ends):
                        m.d.sync += acc.eq(0)
            with m.If(valid & ends):
                m.d.sync += drain[slot].eq(whole)
        self.scale.give(m, scorer.i.payload)
        m.d.comb += [
            scorer.i.valid.eq(busy[0]), scorer.o.ready.eq(1),
            *(scorer.i.payload.acc[lane].eq(drain[lane]) for lane in range(lanes)),
        ]  # fmt: skip

        written = self.written
        written.build(m, scorer.o.valid)
        values = [scorer.o.payload.q[slot % lanes] for slot in range(config.slots)]
        groups = [scorer.o.valid]
        if config.groups > 1:
            groups = [scorer.o.valid & (written.part.value == group) for group in range(config.groups)]
        picks = [groups[slot // lanes] for slot in range(config.slots)]
        return Scores(values, picks, Cat(written.head.value, written.turn[0], written.key.value))


def total(values: list[Value]) -> Value:
    """Add values in a balanced tree."""
    while len(values) > 1:
        values = [sum(values[at + 1 : at + 2], start=values[at]) for at in range(0, len(values), 2)]
    return values[0]


def lanes_of(word: Value, config: AttentionConfig) -> list[Value]:
    """Cut a word into elements."""
    return [word.word_select(lane, config.act_bits).as_signed() for lane in range(config.lanes)]
