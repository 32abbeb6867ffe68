# SPDX-License-Identifier: BSD-2-Clause
"""When beats move: the counters of the engine, cycle by cycle, without its data."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gatewright.hw.nonlinear.softmax.timing import Model

Position = tuple[int, int]  # block, counted on through all sequences; step or slot within it


@dataclass(frozen=True)
class Times:
    """Cycles, counted from the first input transfer.

    Attributes
    ----------
    first, last : int
        First and last output transfer.
    blocks : tuple of int
        First key read of each block.
    """

    first: int
    last: int
    blocks: tuple[int, ...]


@lru_cache(maxsize=64)
def play(config: Any, count: int, repeats: bytes = b"") -> Times:
    """Run ``count`` sequences whose inputs never pause and whose output never stalls.

    Parameters
    ----------
    config : AttentionConfig
        The engine.
    count : int
        Sequences.
    repeats : bytes
        For each row of scores whether the softmax sums it twice; none if empty.
    """
    engine = _Engine(config, count, repeats)
    while engine.sums.sequence < count:
        engine.step()
    return Times(engine.first + config.sum_delay, engine.last + config.sum_delay, tuple(engine.blocks))


@dataclass
class _Matrix:
    """The rows of one operand that are there."""

    tokens: int
    words: int
    left: int  # beats still to come
    rows: int = 0
    beat: int = 0

    def load(self) -> None:
        """Take a beat if there is room."""
        if self.rows < self.tokens and self.left:
            self.left -= 1
            self.beat += 1
            if self.beat == self.words:
                self.beat, self.rows = 0, self.rows + 1


@dataclass
class _Steps:
    """A walk through blocks and keys, a step at a time."""

    config: Any
    block: int = 0
    key: int = 0
    word: int = 0
    sequence: int = 0

    @property
    def turn(self) -> int:
        """The block, counted on through all sequences."""
        return self.sequence * self.config.blocks + self.block

    def next(self) -> bool:
        """Go on by a word; tell whether that ended a sequence."""
        self.word += 1
        if self.word < self.config.words:
            return False
        self.word = 0
        final = self.block == self.config.blocks - 1 and self.key == (self.config.extra or self.config.tokens) - 1
        self.key += 1
        if final:
            self.block, self.key, self.sequence = 0, 0, self.sequence + 1
        elif self.key == self.config.tokens:
            self.block, self.key = self.block + 1, 0
        return final


@dataclass
class _Rows:
    """A walk through the queries of a softmax, an element at a time."""

    config: Any
    queries: list[int]
    query: int = 0
    element: int = 0
    sequence: int = 0

    @property
    def position(self) -> Position:
        """Block and slot of the query."""
        block, slot = divmod(self.queries[self.query], self.config.slots)
        return self.sequence * self.config.blocks + block, slot

    @property
    def last(self) -> bool:
        """Whether the element ends its row."""
        return self.element % self.config.tokens == self.config.tokens - 1

    def next(self) -> None:
        """Go on by an element."""
        self.element += 1
        if self.element == self.config.tokens * self.config.heads:
            self.element, self.query = 0, self.query + 1
            if self.query == len(self.queries):
                self.query, self.sequence = 0, self.sequence + 1


class _Unit:
    """A softmax between its two walks."""

    def __init__(self, config: Any, unit: int, count: int, repeats: bytes) -> None:
        queries = config.queries_of(unit)
        self.feed, self.fill = _Rows(config, queries), _Rows(config, queries)
        rows = [
            (sequence * config.tokens + query) * config.heads + head
            for sequence in range(count) for query in queries for head in range(config.heads)
        ]  # fmt: skip
        again = [bool(repeats[row]) for row in rows] if repeats else []
        self.softmax = Model(config.softmax.schedule, [config.tokens] * len(rows), again)
        self.held = 0

    def step(self, written: Position, summed: Position) -> None:
        """Advance by a cycle; both positions are those of the first step not yet done."""
        block, slot = self.feed.position
        may_feed = written >= (block + 1, slot)
        block, slot = self.fill.position
        taken, left = self.softmax.step(self.held, summed >= (block - 1, slot))
        if left:
            self.fill.next()
        if taken or not self.held:
            self.held = 0
            if may_feed:
                self.held = 2 if self.feed.last else 1
                self.feed.next()


@dataclass
class _Engine:
    """Registers of the whole."""

    config: Any
    count: int
    repeats: bytes
    cycle: int = 0
    first: int = -1
    last: int = 0
    blocks: list[int] = field(default_factory=list)
    open: bool = False  # scores of a sequence are being computed
    pending: bool = False  # the sums have not yet taken its scale
    written: Position = (0, 0)
    events: deque[tuple[int, Position]] = field(default_factory=deque)
    taken: deque[int] = field(default_factory=deque)  # when a scale is

    def __post_init__(self) -> None:
        config = self.config
        size = config.tokens * config.words
        self.q, self.k, self.v = (_Matrix(config.tokens, config.words, self.count * size) for _ in range(3))
        self.scores, self.sums = _Steps(config), _Steps(config)
        self.units = [_Unit(config, unit, self.count, self.repeats) for unit in range(config.units)]

    def step(self) -> None:
        """Advance by a cycle: who moves is decided by registers, so all look before any leaps."""
        while self.events and self.events[0][0] == self.cycle:
            self.written = self.events.popleft()[1]
        if self.taken and self.taken[0] == self.cycle:
            self.taken.popleft()
            self.pending = False
        score, total, begin = self._may_score(), self._may_sum(), self._may_begin()
        written, summed = self.written, (self.sums.turn, self.sums.key)
        for unit in self.units:
            unit.step(written, summed)
        for matrix in (self.q, self.k, self.v):
            matrix.load()
        if begin:
            self.open = self.pending = True
        if score:
            self._score()
        if total:
            self._sum()
        self.cycle += 1

    def _may_begin(self) -> bool:
        return (
            not self.open and not self.pending and self.scores.sequence < self.count
            and self.written == (self.scores.turn, 0)
        )  # fmt: skip

    def _may_score(self) -> bool:
        steps = self.scores
        here = self.k.rows > steps.key and self.q.rows > steps.key
        return self.open and here and all(unit.feed.position > (steps.turn - 2, steps.key) for unit in self.units)

    def _may_sum(self) -> bool:
        steps = self.sums
        here = self.v.rows > steps.key
        return here and all(unit.fill.position > (steps.turn, steps.key) for unit in self.units)

    def _score(self) -> None:
        steps = self.scores
        if steps.key == steps.word == 0:
            self.blocks.append(self.cycle)
        final = steps.next()
        if steps.word == 0:
            self.events.append((self.cycle + self.config.score_delay, (steps.turn, steps.key)))
        if final:
            self.open, self.q.rows, self.k.rows = False, 0, 0

    def _sum(self) -> None:
        steps, config = self.sums, self.config
        if (steps.block, steps.key, steps.word) == (0, 0, 0):
            self.taken.append(self.cycle + 3)
        if steps.key == config.tokens - 1 or (steps.block and steps.key < config.slots - 1):
            self.first = self.cycle if self.first < 0 else self.first
            self.last = self.cycle
        if steps.next():
            self.v.rows = 0


class _Fed(_Engine):
    """The engine while rows of its operands come in given cycles."""

    def feed(self, q: Sequence[int], k: Sequence[int], v: Sequence[int]) -> list[int]:
        """Run one sequence; give the cycle of each result row's last beat."""
        arrivals = {id(self.q): q, id(self.k): k, id(self.v): v}
        ends: list[int] = []
        self.rows_left = {key: iter(sorted(cycles)) for key, cycles in arrivals.items()}
        self.next_row = {key: next(cycles) for key, cycles in self.rows_left.items()}
        self.cycle = min(q[0], k[0], v[0])
        while self.sums.sequence < self.count:
            before, cycle = self.last, self.cycle
            word = self.sums.word
            self.step()
            if self.last == cycle and word == self.config.words - 1 and (before != cycle or cycle == 0):
                ends.append(cycle + self.config.sum_delay)
            for matrix in (self.q, self.k, self.v):
                key = id(matrix)
                while self.next_row[key] == cycle:
                    matrix.rows += 1
                    self.next_row[key] = next(self.rows_left[key], -1)
        return ends


def rows_out(config: Any, q: Sequence[int], k: Sequence[int], v: Sequence[int]) -> list[int]:
    """Give the cycle in which each result row's last beat leaves, if rows of the operands end in given cycles.

    Not for fixed_phi, whose time depends on the scores. ``q``, ``k`` and ``v`` hold the cycle of each row's last beat.
    """
    origin = min(q[0], k[0], v[0])
    shifted = tuple(tuple(cycle - origin for cycle in cycles) for cycles in (q, k, v))
    return [cycle + origin for cycle in _rows_out(config, *shifted)]


@lru_cache(maxsize=256)
def _rows_out(config: Any, q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...]) -> tuple[int, ...]:
    engine = _Fed(config, 1, b"")
    for matrix in (engine.q, engine.k, engine.v):
        matrix.left = 0  # rows come by `feed` alone
    return tuple(engine.feed(q, k, v))
