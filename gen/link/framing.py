# SPDX-License-Identifier: BSD-2-Clause
"""Frames of RFC 1662 on the host: wrap a payload, find payloads in a noisy byte stream."""

from gatewright.hw.bus.rfc1662 import ESCAPE, FLAG, FLIP, encode
from gatewright.hw.core.fcs import FCS_BYTES, GOOD, fcs_register

LONGEST = 1 << 20  # octets; a line that never sends a flag may not fill the memory


class FrameDecoder:
    """Find the payloads of sound frames in a byte stream that comes in pieces.

    Whatever is no sound frame is skipped and counted; the next flag starts afresh.

    Attributes
    ----------
    broken : int
        Pieces between two flags that were no sound frame.
    """

    def __init__(self) -> None:
        self.broken = 0
        self._octets = bytearray()
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take some bytes; give the payloads of the frames that they complete, in order."""
        found = []
        for octet in data:
            if octet == FLAG:
                payload = self._close()
                if payload is not None:
                    found.append(payload)
            elif self._escaped:
                self._octets.append(octet ^ FLIP)
                self._escaped = False
            elif octet == ESCAPE:
                self._escaped = True
            elif len(self._octets) < LONGEST:
                self._octets.append(octet)
        return found

    def _close(self) -> bytes | None:
        octets, escaped = bytes(self._octets), self._escaped
        self._octets.clear()
        self._escaped = False
        if not octets and not escaped:
            return None  # two flags in a row: nothing was lost
        if escaped or len(octets) <= FCS_BYTES or fcs_register(octets) != GOOD:
            self.broken += 1
            return None
        return octets[:-FCS_BYTES]


def decode(data: bytes) -> list[bytes]:
    """Give the payloads of the sound frames in ``data``."""
    return FrameDecoder().feed(data)


__all__ = ["FrameDecoder", "decode", "encode"]
