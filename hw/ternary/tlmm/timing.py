# SPDX-License-Identifier: BSD-2-Clause
"""When each block's tables are ready and its sweep runs, nothing stalling."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Arrival = Callable[[int, int], int]


def at_once(index: int, taken: int) -> int:
    """Say that every block waits from the start; otherwise see `Schedule` for what ``taken`` is, -1 if none was."""
    return 0


@dataclass(frozen=True)
class Schedule:
    """Cycle numbers of a run.

    Attributes
    ----------
    taken : tuple of int
        When each block of activations is taken.
    starts, ends : tuple of int
        When each block's first and last weights are taken.
    """

    taken: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def with_tables(
    sweeps: Sequence[int], way: int, writes: int, banks: int, later: int, apart: int, arrive: Arrival, weights_from: int
) -> Schedule:
    """Schedule an engine that builds tables.

    Parameters
    ----------
    sweeps : sequence of int
        Beats of weights for each block.
    way : int
        Cycles up to the first entry; they need no table, so they run ahead of it.
    writes : int
        Entries, one written per cycle.
    banks : int
        Tables per group: with two, one is built while the other is read.
    later : int
        Cycles from the last read of a table to its first new entry; 0 if both fall into one cycle.
    apart : int
        Least cycles from the start of a sweep to that of the next.
    arrive : callable
        ``arrive(index, taken)``: first cycle in which a block waits, given when the one before was taken.
    weights_from : int
        First cycle in which weights wait.
    """
    built: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    for index, beats in enumerate(sweeps):
        before = built[-1] if built else -1
        first = max(before + 1, arrive(index, before)) + way
        if index >= banks:
            first = max(first, ends[index - banks] + later)
        built.append(first + writes - 1)
        earliest = max(ends[-1] + 1, starts[-1] + apart) if ends else weights_from
        starts.append(max(built[-1] + 1, earliest))
        ends.append(starts[-1] + beats - 1)
    return Schedule(tuple(built), tuple(starts), tuple(ends))


def without_tables(sweeps: Sequence[int], apart: int, arrive: Arrival, weights_from: int) -> Schedule:
    """Schedule an engine that reads activations as they come; sweeps start at least ``apart`` cycles apart."""
    starts: list[int] = []
    ends: list[int] = []
    for index, beats in enumerate(sweeps):
        earliest = max(ends[-1] + 1, starts[-1] + apart) if starts else weights_from
        starts.append(max(earliest, arrive(index, ends[-1] if ends else -1)))
        ends.append(starts[-1] + beats - 1)
    return Schedule(tuple(ends), tuple(starts), tuple(ends))
