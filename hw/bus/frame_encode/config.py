# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of frame_encode."""

from collections.abc import Mapping
from typing import ClassVar

from gatewright.hw.bus.rfc1662 import FLAG, encode, stuff
from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets


class FrameEncodeConfig(RoomConfig):
    """Wrap each packet into a frame."""

    room: ClassVar[str] = "frame_encode"

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Payload packets."""
        fields = (PayloadField("data", 8), PayloadField("last", 1))
        return (StreamPort("i", fields, "payload of one frame a packet"),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Octets for the line."""
        return (StreamPort("o", (PayloadField("data", 8),), "octets to send"),)

    @property
    def latency(self) -> int:
        """From the first payload octet to the opening flag."""
        return 1

    def line(self, beats: Beats) -> list[bytes]:
        """Give the frames of the closed packets, and what an open one has sent of its payload."""
        data = beats["data"].astype("uint8")
        spans = packets(beats) if beats["last"].any() else []
        frames = [encode(data[span].tobytes()) for span in spans]
        rest = data[spans[-1].stop if spans else 0 :].tobytes()
        return [*frames, bytes((FLAG,)) + stuff(rest)] if rest else frames

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count one cycle for every octet on the line: frames follow each other without a gap."""
        return self.latency + sum(len(frame) for frame in self.line(inputs["i"]))
