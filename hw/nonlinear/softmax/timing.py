# SPDX-License-Identifier: BSD-2-Clause
"""When beats move: depths of the pipelines and buffers, and a model of both, cycle by cycle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count


@dataclass(frozen=True)
class Segment:
    """A pipeline under one enable.

    Attributes
    ----------
    stages : int
        Registers that a beat passes. In all but the last segment the row's statistic leaves from the final one.
    push : int
        Stage whose beats go into the buffer that the next segment reads.
    depth : int
        Beats in that buffer.
    limited : bool
        Whether it can be full; else the statistics of waiting rows stop the segment before it is.
    dividers, division : int
        Dividers between the statistic and the next segment, and cycles of each.
    """

    stages: int
    push: int = 0
    depth: int = 0
    limited: bool = False
    dividers: int = 0
    division: int = 0


_BLOCK = 256  # words of the smallest block RAM, iCE40's, at its full width


@dataclass(frozen=True)
class Schedule:
    """The segments, and registers from reading a beat again until its term is in the sum; 0 if none is."""

    segments: tuple[Segment, ...]
    repeat: int = 0


def schedule(
    algorithm: str, levels: int, row_beats: int, quotient_bits: int, dividers: int, extra: int = 0
) -> Schedule:
    """Lay out an algorithm's segments; ``levels`` registers join the lanes, ``extra`` are inside exponentials."""
    division = quotient_bits + 2

    def segment(stages: int, push: int, banks: int, cycles: int) -> Segment:
        behind = stages - 1 - push
        # What rows that are read, whose statistics wait, that are divided or wait for it can fill. Where that is
        # more than the smallest block RAM holds: what equal rows fill without a stall between them.
        most, even = (banks + 3) * row_beats + behind, row_beats + behind + cycles + 2
        if most <= _BLOCK:
            return Segment(stages, push, 1 << (most - 1).bit_length(), False, banks, cycles)
        return Segment(stages, push, min(even, most), even < most, banks, cycles)

    match algorithm:
        case "exact":
            parts = [
                segment(1 + levels, 0, 0, 0), segment(3 + extra + levels, 2 + extra, dividers, division), Segment(3)
            ]  # fmt: skip
        case "online":
            parts = [segment(5 + 2 * levels, 0, dividers, division), Segment(5)]
        case "two_pass":
            parts = [segment(6 + 2 * levels, 2, dividers, division), Segment(5)]
        case "base2":
            parts = [segment(6 + 2 * levels, 2, 1, 1), Segment(4)]
        case _:
            parts = [segment(4 + levels, 0, dividers, division), Segment(5)]
            return Schedule(tuple(parts), 3 + levels)
    return Schedule(tuple(parts))


def play(
    plan: Schedule, lengths: Sequence[int], repeats: Sequence[bool] = (), ready: Callable[[int], bool] | None = None
) -> tuple[int, int, list[int]]:
    """Run rows through the segments.

    Parameters
    ----------
    lengths : sequence of int
        Beats of each row.
    repeats : sequence of bool
        Rows that are summed once more before they leave.
    ready : callable, optional
        Whether the output is ready in a given cycle; always if not given.

    Returns
    -------
    tuple
        Cycles from the first input transfer to the first and to the last output transfer, and the
        greatest fill of each buffer.
    """
    model = Model(plan, lengths, repeats)
    offered = [token for length in lengths for token in (*[1] * (length - 1), 2)]
    given, first, cycle = 0, 0, 0
    for cycle in count():
        taken, left = model.step(offered[model.taken] if model.taken < len(offered) else 0, not ready or ready(cycle))
        model.taken += taken
        if left:
            first = first if given else cycle
            given += 1
        if given == len(offered):
            break
    return first, cycle, [link.most for link in model.links]


@dataclass
class _Link:
    """What lies between two segments: the buffer, the dividers, and the statistic of the row being read."""

    plan: Segment
    stored: int = 0
    most: int = 0
    rows: int = 0  # rows whose statistic has left the segment
    bank: list[tuple[int, int]] = field(default_factory=list)  # row and cycles to go, oldest first
    next: int = -1  # row whose statistic waits
    slot: int = -1  # row that is read
    left: int = 0  # beats of that row still to be read
    again: bool = False  # the row is to be summed once more
    waits: int = 0  # cycles until that sum is divided; -1 while it is not complete


class Model:
    """Registers of the whole; a token is 0 for an empty stage, 1 for a beat, 2 for the last of a row."""

    def __init__(self, plan: Schedule, lengths: Sequence[int], repeats: Sequence[bool]) -> None:
        self.lengths, self.repeats = lengths, repeats
        self.stages = [[0] * segment.stages for segment in plan.segments]
        self.links = [_Link(segment) for segment in plan.segments[:-1]]
        self.summing = [0] * plan.repeat
        self.taken = 0

    def step(self, offered: int, ready: bool) -> tuple[bool, bool]:
        """Advance by a cycle; tell whether a beat came in and whether one left."""
        enable = not self.stages[-1][-1] or ready
        left = bool(self.stages[-1][-1]) and ready
        for index in reversed(range(len(self.links))):
            enable = self._link(index, enable)
        if enable:
            self.stages[0] = [offered, *self.stages[0][:-1]]
        return enable and offered > 0, left

    def _link(self, index: int, enable: bool) -> bool:
        """Advance the segment behind a link and the link itself; tell whether the one before it moves."""
        link, before = self.links[index], self.stages[index]
        token = 0
        if enable and link.slot >= 0 and link.waits == 0:
            token = 2 if link.left == 1 else 1
        frees = token == 2 and not link.again
        accepts = link.next < 0
        leaves = accepts and bool(link.bank) and link.bank[0][1] == 0
        if link.plan.dividers:
            accepts = len(link.bank) < link.plan.dividers or leaves
        full = link.plan.limited and link.stored == link.plan.depth and before[link.plan.push] > 0
        moves = (before[-1] != 2 or accepts) and not full

        self._sum(link, token if link.again else 0, enable)
        if enable:
            self.stages[index + 1] = [0 if link.again else token, *self.stages[index + 1][:-1]]
        if token:
            link.left -= 1
            link.stored -= not link.again
            if token == 2 and link.again:
                link.left, link.waits = self.lengths[link.slot], -1
        if frees:
            link.slot = -1
        if link.slot < 0 and link.next >= 0:
            link.slot, link.next = link.next, -1
            link.left, link.again = self.lengths[link.slot], bool(self.repeats) and self.repeats[link.slot]
        if leaves:
            link.next = link.bank.pop(0)[0]
        link.bank = [(row, max(cycles - 1, 0)) for row, cycles in link.bank]
        if moves and before[-1] == 2:
            if link.plan.dividers:
                link.bank.append((link.rows, link.plan.division - 1))
            else:
                link.next = link.rows
            link.rows += 1
        if moves and before[link.plan.push]:
            link.stored += 1
            link.most = max(link.most, link.stored)
        return moves

    def _sum(self, link: _Link, token: int, enable: bool) -> None:
        """Advance a repeated row's way to its sum, and that sum's division."""
        if link.waits > 0:
            link.waits -= 1
            link.again = link.again and link.waits > 0
        if self.summing and enable:
            if self.summing[-1] == 2:
                link.waits = link.plan.division
            self.summing = [token, *self.summing[:-1]]
