# SPDX-License-Identifier: BSD-2-Clause
"""Exact cycle model of the GEMM engine with output-stationary arrays.

Let tile ``j`` have ``beats[j]`` operand beats, and let its result keep the array's drain registers
busy for ``drain[j]`` cycles. The array has one set of accumulators and one of drain registers.

*Operands always there.* A beat reaches the accumulators a fixed number of moving cycles after it
is taken. Let ``C[j]`` be the cycle in which the final beat of tile ``j`` is added and its sums go
to the drain registers. The first beat of tile ``j + 1`` is added in the next cycle, because the
pipeline behind is full and stands still whenever a final beat waits. So the final beat of tile
``j + 1`` is there at ``C[j] + beats[j + 1]``, and may go from cycle ``C[j] + drain[j]`` on, the
one in which the last row of tile ``j`` leaves::

    C[0] = beats[0] - 1 + fill        C[j + 1] = C[j] + max(beats[j + 1], drain[j])

For one product of ``T`` tiles of equal shape that is a closed form, with all sums telescoped.

*Operands through tile buffers.* Now beats can be late. A buffer's chunk is written one word per
cycle, after the previous chunk and after the last read of the one before that; it is read from
the next cycle on, each word one cycle before the array takes it; a word is read when the one
before it is taken. So a chunk of ``L`` words, whose first word is taken at ``t``, ends at
``t + L - 1`` plus the cycles in which the array stood still, and only the first word of a chunk
can be late. `_Array` counts the standstills: tile ``j`` is complete ``fill`` moving cycles
after its last beat was taken, and everything stands still from there to ``C[j]``.
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Tile:
    """One result tile.

    Attributes
    ----------
    beats : int
        Operand beats.
    busy : int
        Cycles that its valid rows take to drain.
    surplus : int
        Rows of padding, dropped one per cycle afterwards.
    new_a : bool
        Whether its activations are sent, not kept from the tile before.
    end : bool
        Whether it is the last of its product.
    """

    beats: int
    busy: int
    surplus: int
    new_a: bool
    end: bool

    @property
    def drain(self) -> int:
        """Cycles for which it keeps the drain registers."""
        return self.busy + self.surplus


def span(tiles: list[Tile], fill: int, buffer_depth: int) -> tuple[int, int]:
    """Follow tiles from cycle 0, in which the operands are first offered.

    Parameters
    ----------
    tiles : list of Tile
        In the engine's order.
    fill : int
        Moving cycles from the taking of a beat to its addition.
    buffer_depth : int
        Words of a tile buffer's half; 0 without buffers.

    Returns
    -------
    tuple of int
        Completion of the first tile; exit of the last valid row from the drain registers.
    """
    if buffer_depth:
        return _buffered(tiles, fill, buffer_depth)
    first = copied = tiles[0].beats - 1 + fill
    for before, tile in pairwise(tiles):
        copied += max(tile.beats, before.drain)
    return first, copied + tiles[-1].busy


class _Array:
    """The array's clock: it takes a beat per cycle but stands still while a final beat waits."""

    def __init__(self, fill: int) -> None:
        self.fill = fill
        self.taken = -1  # cycle of the latest beat
        self.still = 0  # cycles of standstill so far
        self.ends: deque[tuple[int, Tile]] = deque()  # tiles under way: completion in moving cycles
        self.drained = -1  # from this cycle on the drain registers may be loaded
        self.first = self.copied = self.finished = -1

    def take(self, earliest: int, count: int = 1) -> int:
        """Take ``count`` beats, the first no sooner than ``earliest``; give the cycle of the last."""
        self.taken = max(self.taken + 1, earliest)
        while self._complete():
            self.copy()
            self.taken = max(self.taken, self.copied)
        self.taken += count - 1
        while self._complete():
            self.taken += self.copy()
        return self.taken

    def _complete(self) -> bool:
        """Say whether the oldest tile is complete by the latest beat."""
        return bool(self.ends) and self.ends[0][0] + self.still <= self.taken

    def close(self, tile: Tile) -> None:
        """Note that the beat just taken was a tile's last."""
        self.ends.append((self.taken - self.still + self.fill, tile))

    def copy(self) -> int:
        """Copy the oldest tile; give the cycles of standstill that it caused."""
        moving, tile = self.ends.popleft()
        complete = moving + self.still
        self.copied = max(complete, self.drained)
        self.still += self.copied - complete
        self.drained = self.copied + tile.drain
        self.first = self.copied if self.first < 0 else self.first
        self.finished = self.copied + tile.busy
        return self.copied - complete

    def flush(self) -> None:
        """Let all tiles under way finish."""
        while self.ends:
            self.copy()


class _Buffer:
    """A tile buffer's two halves."""

    def __init__(self) -> None:
        self.written = -1
        self.freed = [-1, -1]
        self.half = 1

    def write(self, length: int) -> None:
        """Write a chunk into the next half."""
        self.half ^= 1
        self.written = max(self.written, self.freed[self.half]) + length


def _buffered(tiles: list[Tile], fill: int, depth: int) -> tuple[int, int]:
    array, a, b = _Array(fill), _Buffer(), _Buffer()
    gate = 0  # the engine asks for activations of the next product only after the last one
    for tile in tiles:
        left = tile.beats
        while left:
            length = min(left, depth)
            b.write(length)
            if tile.new_a:
                a.write(length)
            # A word is read once the one before it is taken, a chunk once it is written.
            before = array.taken
            ready_a, ready_b = max(before, a.written + 1, gate), max(before, b.written + 1)
            array.take(max(ready_a, ready_b) + 1)
            a.freed[a.half], b.freed[b.half] = ready_a, ready_b
            if length > 2:
                array.take(0, length - 2)
            if length > 1:
                a.freed[a.half] = b.freed[b.half] = array.taken
                array.take(0)
            left -= length
        array.close(tile)
        if tile.end:
            array.flush()
            gate = array.drained + 1
    return array.first, array.finished
