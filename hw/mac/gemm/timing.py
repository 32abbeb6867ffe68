# SPDX-License-Identifier: BSD-2-Clause
"""Exact cycle model of the GEMM engine, array by array.

Every array moves as a whole: in a cycle it takes a beat and shifts all its stages, or it stands
still. So a beat's effects follow it by a fixed number of *moving* cycles, and the clock that the
world sees is that number plus the standstills so far. What differs is where standstills come
from. Let a tile have ``beats`` operand beats, and let a row of its result take ``row`` cycles to
leave (output beats per row, times the requantiser's interval).

*Cube family* (`Draining`). A tile's sums go into drain registers when its final beat is added,
``fill`` moving cycles after it is taken. They stay there for ``drain = valid * row + surplus``
cycles; meanwhile the next tile computes, but its own final beat stands still until they are gone.
With operands always there, the first beat of tile ``j + 1`` is added in the cycle after
``C[j]``, that of the final beat of tile ``j``, because the pipeline behind is full. Hence::

    C[0] = beats[0] - 1 + fill      C[j + 1] = C[j] + max(beats[j + 1], drain[j])

*Systolic, output-stationary* (`Walking`). The array admits final beats at least ``rows`` moving
cycles apart, and row ``r`` of a tile is at the output ``latency + r`` moving cycles after the
final beat. There is no drain register: each valid row stands the array still for ``row - 1``
cycles. With operands always there, tile ``j`` takes ``max(beats[j], rows) + valid[j] * (row - 1)``.

*Systolic, weight-stationary* (`weight_stationary`). Rows of finished sums stand the array still
for ``row - 1`` cycles each. The next weight tile loads behind the swap of the present one, a
row of cells per cycle, in the world's clock and not in the array's. With ``row == 1`` a packet
takes ``max(length, rows + cols)`` cycles.

*Tile buffers.* A chunk of a packet is written one word per cycle, after the chunk before it and
after the last read of the chunk before that one; it is read from the next cycle on. A word is
read when the word before it is taken, and taken one cycle later at the earliest. So within a
chunk nothing is late but its first word, and the loop over chunks below is exact.
"""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Tile:
    """One result tile of an output-stationary array.

    Attributes
    ----------
    beats : int
        Operand beats.
    valid : int
        Rows of the product.
    surplus : int
        Rows of padding below them, dropped one per cycle.
    new_a : bool
        Whether its activations are sent, not kept from the tile before.
    end : bool
        Whether it is the last of its product.
    """

    beats: int
    valid: int
    surplus: int
    new_a: bool
    end: bool


class Array(Protocol):
    """The clock of an output-stationary array.

    Attributes
    ----------
    taken : int
        Cycle of the latest beat.
    first : int
        Cycle before the first row shows at the output; negative until then.
    finished, left : int
        Cycles in which the latest valid row, and the latest row of all, left.
    """

    taken: int
    first: int
    finished: int
    left: int

    def take(self, earliest: int, count: int = 1) -> None:
        """Take ``count`` beats back to back, the first no sooner than ``earliest``."""

    def close(self, tile: Tile, earliest: int) -> None:
        """Take a tile's final beat."""

    def flush(self) -> None:
        """Let all rows under way leave."""


class _Moving:
    """What both arrays share: beats and standstills on one clock."""

    def __init__(self) -> None:
        self.taken = self.first = self.finished = self.left = -1
        self.still = 0  # cycles of standstill so far
        self.ahead: deque[tuple[int, Tile, int]] = deque()  # moving cycle, tile, row: may stand still there

    def stand(self, cycle: int, tile: Tile, row: int) -> int:
        """Give the cycles of standstill at an event, and note what it means."""
        raise NotImplementedError

    def _pass(self) -> tuple[int, int]:
        """Pass the next event; give its standstill, and the cycle in which the array moves again."""
        moving, tile, row = self.ahead.popleft()
        cycle = moving + self.still
        still = self.stand(cycle, tile, row)
        self.still += still
        return still, cycle + still

    def _due(self) -> bool:
        return bool(self.ahead) and self.ahead[0][0] + self.still <= self.taken

    def take(self, earliest: int, count: int = 1) -> None:
        """See `Array`."""
        self.taken = max(self.taken + 1, earliest)
        while self._due():
            self.taken = max(self.taken, self._pass()[1])
        self._move(count - 1)

    def _move(self, cycles: int) -> None:
        """Go on for so many moving cycles."""
        self.taken += cycles
        while self._due():
            self.taken += self._pass()[0]

    def flush(self) -> None:
        """See `Array`."""
        while self.ahead:
            self._pass()


class Draining(_Moving):
    """Cube family: accumulators, and drain registers behind them."""

    def __init__(self, fill: int, row: int) -> None:
        super().__init__()
        self.fill, self.row = fill, row

    def close(self, tile: Tile, earliest: int) -> None:
        """See `Array`."""
        self.take(earliest)
        self.ahead.append((self.taken - self.still + self.fill, tile, 0))

    def stand(self, cycle: int, tile: Tile, row: int) -> int:
        """Wait for the drain registers."""
        still = max(0, self.left - cycle)
        done = cycle + still
        self.first = done if self.first < 0 else self.first
        self.finished = done + tile.valid * self.row
        self.left = self.finished + tile.surplus
        return still


class Walking(_Moving):
    """Output-stationary systolic array: rows leave straight from the deskew registers."""

    def __init__(self, rows: int, latency: int, row: int) -> None:
        super().__init__()
        self.rows, self.latency, self.row = rows, latency, row
        self.final = -rows  # moving cycle of the latest final beat

    def close(self, tile: Tile, earliest: int) -> None:
        """See `Array`."""
        self.take(earliest)
        self._move(max(0, self.final + self.rows - (self.taken - self.still)))
        self.final = self.taken - self.still
        self.ahead.extend((self.final + self.latency + row, tile, row) for row in range(self.rows))

    def stand(self, cycle: int, tile: Tile, row: int) -> int:
        """Hold the array while a valid row leaves."""
        self.first = cycle - 1 if self.first < 0 else self.first
        if row >= tile.valid:
            self.left = cycle
            return 0
        self.finished = self.left = cycle + self.row - 1
        return self.row - 1


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


def output_stationary(tiles: list[Tile], array: Array, depth: int) -> tuple[int, int]:
    """Follow tiles from cycle 0, in which the operands are first offered.

    Parameters
    ----------
    tiles : list of Tile
        In the engine's order.
    array : Array
        Fresh.
    depth : int
        Words of a tile buffer's half; 0 without buffers.

    Returns
    -------
    tuple of int
        Cycle before the first row shows at the array's output; cycle in which the last valid row leaves.
    """
    a, b = _Buffer(), _Buffer()
    gate = 0  # activations of the next product are asked for only after the last row of this one
    for tile in tiles:
        if depth:
            _buffered(tile, array, a, b, depth, gate)
        else:
            if tile.beats > 1:
                array.take(0, tile.beats - 1)
            array.close(tile, 0)
        if tile.end and depth:
            array.flush()
            gate = array.left + 1
    array.flush()
    return array.first, array.finished


def _buffered(tile: Tile, array: Array, a: _Buffer, b: _Buffer, depth: int, gate: int) -> None:
    """Move one tile through the buffers, chunk by chunk."""
    for start in range(0, tile.beats, depth):
        length = min(depth, tile.beats - start)
        ends = start + length == tile.beats
        b.write(length)
        if tile.new_a:
            a.write(length)
        # The first word is read once the word before it is taken and its chunk is written.
        a_read, b_read = max(array.taken, a.written + 1, gate), max(array.taken, b.written + 1)
        arrives = max(a_read, b_read) + 1
        if length == 1:
            a.freed[a.half], b.freed[b.half] = a_read, b_read
        else:
            array.take(arrives, length - 1)
            a.freed[a.half] = b.freed[b.half] = array.taken
            arrives = 0
        if ends:
            array.close(tile, arrives)
        else:
            array.take(arrives)


class _Standstills:
    """Standstills at known moving cycles, and the two clocks that they separate."""

    def __init__(self) -> None:
        self.at: list[int] = []
        self.sums = [0]

    def add(self, moving: int, cycles: int) -> None:
        """Stand still in a moving cycle, later than all so far."""
        self.at.append(moving)
        self.sums.append(self.sums[-1] + cycles)

    def cycle(self, moving: int) -> int:
        """Give the cycle in which a move completes."""
        return moving + self.sums[bisect_right(self.at, moving)]

    def moving(self, cycle: int) -> int:
        """Give the first move that completes no sooner than a cycle."""
        low, high = cycle - self.sums[-1], cycle
        while low < high:
            middle = (low + high) // 2
            if self.cycle(middle) < cycle:
                low = middle + 1
            else:
                high = middle
        return low


def weight_stationary(
    packets: list[tuple[int, bool]], rows: int, cols: int, skews: list[int], latency: int, row: int
) -> tuple[int, int]:
    """Follow packets of activations through a weight-stationary array.

    Parameters
    ----------
    packets : list of (int, bool)
        Rows of A in each packet, and whether their sums are finished with it.
    rows, cols : int
        Shape of the array.
    skews : list of int
        Moving cycles by which each row of cells works later than row 0.
    latency : int
        Moving cycles from an activation beat to its sums.
    row : int
        Cycles that a finished row takes to leave.

    Returns
    -------
    tuple of int
        Cycle before the first finished row shows; cycle in which the last one leaves.
    """
    clock = _Standstills()
    loaded = rows - 1  # cycle in which the latest weight tile's last row is loaded
    free = 0  # first moving cycle without a beat so far
    first = -1
    for length, final in packets:
        start = max(free, clock.moving(loaded + 1))
        free = start + length
        if final:
            first = start + latency - 1 if first < 0 else first
            if row > 1:
                for beat in range(start, free):
                    clock.add(beat + latency, row - 1)
        for skew in skews:  # a row of cells loads after the row above it, and after the swap has passed
            loaded = max(loaded, clock.cycle(start + skew + cols - 1)) + 1
    return first, clock.cycle(free - 1 + latency)
