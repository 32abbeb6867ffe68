# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of frame_decode."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from gatewright.hw.bus.rfc1662 import ESCAPE, FLAG
from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort

HELD = 3  # octets held back: the check sequence, and one payload octet that may turn out the last


class FrameDecodeConfig(RoomConfig):
    """Unstuff frames, check and strip their check sequence."""

    room: ClassVar[str] = "frame_decode"

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Octets from the line."""
        return (StreamPort("i", (PayloadField("data", 8),), "octets as received"),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Payload octets; the beat with ``last`` carries the verdict."""
        fields = (PayloadField("data", 8), PayloadField("last", 1), PayloadField("good", 1))
        return (StreamPort("o", fields, "payload; `good` comes with `last`: the check sequence held"),)

    @property
    def latency(self) -> int:
        """From an opening flag to the first payload octet, where nothing before it is escaped."""
        return HELD + 1

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles up to the input octet that pushes the first payload octet out."""
        return next(self._pushes(inputs["i"]), -1)

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles up to the input octet that pushes the last payload octet out."""
        return max(self._pushes(inputs["i"]), default=-1) + 1

    @staticmethod
    def _pushes(beats: Beats) -> Iterator[int]:
        """Give the index of each octet that pushes one out: a flag or plain one on a full store."""
        held, escaped = 0, False
        for index, octet in enumerate(beats["data"].tolist()):
            if octet == ESCAPE and not escaped:
                escaped = True
                continue
            if held == HELD:
                yield index
            held = 0 if octet == FLAG else min(held + 1, HELD)
            escaped = False
