# SPDX-License-Identifier: BSD-2-Clause
"""Greedy elimination of common pairs: the sum or difference that most rows hold becomes a term of its own.

A row is a sum of terms with signs -1, 0, 1. Two terms meet in a row with equal signs or with different
ones, so each pair stands for two candidates, ``a + b`` and ``a - b``. A candidate that ``n`` rows hold
saves ``n - 1`` additions. Its counts are kept in one table that changes in three rows and columns a step.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Terms = dict[int, int]  # a row: sign by operand

_COUNT = 1 << 16  # a score is a count, then what breaks ties
_DEPTH = 1 << 8


@dataclass(frozen=True)
class Pair:
    """A shared term: ``left + right``, or ``left - right`` if ``minus``."""

    left: int
    right: int
    minus: bool


class _Table:
    """Rows as a matrix of terms, and how many rows hold each candidate.

    Terms live in slots; the slot of a term that no row holds any more is used again.

    Attributes
    ----------
    signs : ndarray
        (rows, slots) sign of each term in each row.
    score : ndarray
        (slots, slots): above the diagonal for equal signs, below for different ones; 0 for a candidate
        that fewer than two rows hold.
    best : ndarray
        (slots,) bound of the scores in each row of ``score``.
    names, depth : list, ndarray
        Operand number and depth of the term in each slot.
    """

    def __init__(self, matrix: NDArray[np.int64]) -> None:
        columns = matrix.shape[1]
        self.signs = matrix.astype(np.int8)
        self.names = list(range(columns))
        self.depth = np.zeros(columns, np.int32)
        self.free: list[int] = []
        self.score = np.zeros((columns, columns), np.int32)
        for slot in range(columns):
            self._count(slot)
        self.best = self.score.max(axis=1, initial=0)
        for slot in range(columns):
            self._release(slot)

    def _count(self, slot: int) -> None:
        """Count the candidates of one term afresh."""
        rows = np.flatnonzero(self.signs[:, slot])
        products = self.signs[rows] * self.signs[rows, slot, np.newaxis]
        deeper = np.maximum(self.depth, self.depth[slot])
        # A shallow sum shortens the way to the outputs, and terms of one depth need no delay.
        ties = (_DEPTH - 1 - deeper) * _DEPTH + _DEPTH - 1 - np.abs(self.depth - self.depth[slot])
        for equal in (True, False):
            counts = np.count_nonzero(products == (1 if equal else -1), axis=0)
            score = np.where(counts >= 2, counts * _COUNT + ties, 0)
            score[slot] = 0
            above = slice(slot, None) if equal else slice(None, slot)
            beside = slice(None, slot) if equal else slice(slot, None)
            self.score[slot, above] = score[above]
            self.score[beside, slot] = score[beside]

    def _release(self, slot: int) -> None:
        if not self.signs[:, slot].any():
            self.free.append(slot)

    def _slot(self) -> int:
        """Find room for a term."""
        if not self.free:
            old = len(self.names)
            grown = max(8, old // 4)
            self.free = list(range(old + grown - 1, old - 1, -1))
            self.names += [-1] * grown
            self.depth = np.pad(self.depth, (0, grown))
            self.best = np.pad(self.best, (0, grown))
            self.signs = np.pad(self.signs, ((0, 0), (0, grown)))
            self.score = np.pad(self.score, ((0, grown), (0, grown)))
        return self.free.pop()

    def _find(self) -> tuple[int, int]:
        """Give the place of the greatest score; bounds come down to the truth only where they matter."""
        while True:
            row = int(self.best.argmax())
            column = int(self.score[row].argmax())
            if self.score[row, column] == self.best[row]:
                return row, column
            self.best[row] = self.score[row, column]

    def take(self, name: int) -> Pair | None:
        """Replace the best candidate by a term of the given number; None if no two rows share one."""
        row, column = self._find()
        if not self.score[row, column]:
            return None
        a, b, minus = min(row, column), max(row, column), row > column
        product = self.signs[:, a] * self.signs[:, b]
        holds = product == (-1 if minus else 1)
        slot = self._slot()
        pair = Pair(self.names[a], self.names[b], minus)
        self.signs[:, slot] = np.where(holds, self.signs[:, a], 0)
        self.signs[holds, a] = 0
        self.signs[holds, b] = 0
        self.names[slot] = name
        self.depth[slot] = max(self.depth[a], self.depth[b]) + 1
        for changed in (a, b, slot):
            self._count(changed)
        # Scores of the new term have risen, those of the other two have not.
        self.best = np.maximum(self.best, self.score[:, slot])
        self.best[slot] = self.score[slot].max()
        for old in (a, b):
            self._release(old)
        return pair


def share(matrix: NDArray[np.int64]) -> tuple[list[Terms], list[Pair]]:
    """Name common sums until no two rows share one.

    Parameters
    ----------
    matrix : ndarray
        (rows, columns) of -1, 0, 1.

    Returns
    -------
    list of dict
        What is left of each row: signs by operand. Operand ``columns + n`` is the n-th pair.
    list of Pair
        Pairs in the order in which they were found: each reads columns and earlier pairs only.
    """
    table = _Table(matrix)
    pairs: list[Pair] = []
    while (pair := table.take(matrix.shape[1] + len(pairs))) is not None:
        pairs.append(pair)
    return [
        {table.names[slot]: int(row[slot]) for slot in sorted(np.flatnonzero(row), key=table.names.__getitem__)}
        for row in table.signs
    ], pairs
