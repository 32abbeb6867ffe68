# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of frame_decode."""

from collections.abc import Mapping
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

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles up to the input octet that pushed the last payload octet out."""
        held, escaped, end = 0, False, 0
        for index, octet in enumerate(inputs["i"]["data"].tolist()):
            if octet == FLAG:
                end = index + 1 if held == HELD else end
                held, escaped = 0, False
            elif octet == ESCAPE and not escaped:
                escaped = True
            else:
                end = index + 1 if held == HELD else end
                held, escaped = min(held + 1, HELD), False
        return end
