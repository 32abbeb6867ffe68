# SPDX-License-Identifier: BSD-2-Clause
"""When each block's tables are ready and its sweep runs, nothing stalling."""

from collections.abc import Sequence
from dataclasses import dataclass


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


def with_tables(sweeps: Sequence[int], way: int, writes: int, banks: int, later: int, apart: int) -> Schedule:
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
    """
    built: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    for index, beats in enumerate(sweeps):
        first = built[-1] + 1 + way if built else way
        if index >= banks:
            first = max(first, ends[index - banks] + later)
        built.append(first + writes - 1)
        earliest = max(ends[-1] + 1, starts[-1] + apart) if ends else 0
        starts.append(max(built[-1] + 1, earliest))
        ends.append(starts[-1] + beats - 1)
    return Schedule(tuple(built), tuple(starts), tuple(ends))


def without_tables(sweeps: Sequence[int], apart: int) -> Schedule:
    """Schedule an engine that reads activations as they come; sweeps start at least ``apart`` cycles apart."""
    starts: list[int] = []
    ends: list[int] = []
    for beats in sweeps:
        starts.append(max(ends[-1] + 1, starts[-1] + apart) if starts else 0)
        ends.append(starts[-1] + beats - 1)
    return Schedule(tuple(ends), tuple(starts), tuple(ends))
