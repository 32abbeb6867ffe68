# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the ping-pong store."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from gatewright.hw.core.config import RoomConfig, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort


class PingPongConfig(RoomConfig):
    """Hold two tiles of words: one fills, the other is read."""

    room: ClassVar[str] = "ping_pong"

    width: int = integer(64, 1, 8192, unit="bits", doc="Width of a word.")
    depth: int = integer(256, 1, 1 << 16, unit="words", doc="Words of a tile; longer packets take several tiles.")
    replay: bool = flag(False, doc="Read packets on command, those of one tile as often as wanted.")

    @property
    def address_bits(self) -> int:
        """Bits of an address within a tile; at least one, which Verilog needs."""
        return max(1, (self.depth - 1).bit_length())

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Words, and with ``replay`` the commands to read them."""
        words = StreamPort("i", self._fields, "Packets of words; one longer than a tile is cut.")
        play = StreamPort("i_play", (PayloadField("keep", 1),), "Read one packet; keep it if it is one tile.")
        return (words, play) if self.replay else (words,)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The packets as they are read."""
        return (StreamPort("o", self._fields, "Packets, cut nowhere."),)

    @property
    def _fields(self) -> tuple[PayloadField, ...]:
        return PayloadField("data", self.width), PayloadField("last", 1)

    @property
    def latency(self) -> int:
        """Of a tile of one word: written, seen, read."""
        return 2

    def tiles(self, inputs: Mapping[str, Beats]) -> Iterator[tuple[int, bool]]:
        """Give length in words, and whether it ends a packet, of every complete tile that is written."""
        length = 0
        for last in np.asarray(inputs["i"]["last"]).tolist():
            length += 1
            if last or length == self.depth:
                yield length, bool(last)
                length = 0

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """The first tile must be whole before it is read."""
        return next(self.tiles(inputs))[0] - 1 + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Follow both sides tile by tile.

        A tile is written after the one before it, and after the last read of the one before that;
        it is read after the read before it, and after it is written.
        """
        keeps = iter(np.asarray(inputs["i_play"]["keep"]).tolist() if self.replay else ())
        written = read = -1  # cycle of the latest write and read
        freed = [-1, -1]  # of each store
        whole = True  # the tile starts a packet
        for index, (length, final) in enumerate(self.tiles(inputs)):
            written = max(written, freed[index % 2]) + length
            plays = 1
            if self.replay and final:
                while next(keeps) and whole:
                    plays += 1
            read = max(read, written) + plays * length
            freed[index % 2] = read
            whole = final
        return read + 2

