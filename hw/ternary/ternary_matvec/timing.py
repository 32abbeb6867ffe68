# SPDX-License-Identifier: BSD-2-Clause
"""When gathered blocks reach the engine, nothing stalling."""

from collections.abc import Sequence


class Gathering:
    """Follows the two registers between narrow beats and the engine: one gathers while the other is read.

    Parameters
    ----------
    lengths : sequence of int
        Beats of each vector; one comes per cycle unless both registers are full.
    beats : int
        Beats of a whole block.
    wait : int
        Cycles from taking a block to the next one's move.
    """

    def __init__(self, lengths: Sequence[int], beats: int, wait: int = 0) -> None:
        self.blocks = [min(beats, length - start) for length in lengths for start in range(0, length, beats)]
        self.wait = wait
        self.next, self.moved = 0, 0  # first cycle for another beat; when the last block went on

    def __call__(self, index: int, taken: int) -> int:
        """Give the first cycle in which the engine sees a block; call it for each in turn.

        Parameters
        ----------
        taken : int
            When the engine took the block before; -1 if there is none.
        """
        self.next = max(self.next, self.moved) + self.blocks[index]
        self.moved = max(self.next, taken + self.wait)
        return self.moved + 1
