# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of uart_tx."""

from collections.abc import Mapping
from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count

FRAME_BITS = 10  # start, eight data, stop


class UartTxConfig(RoomConfig):
    """Send 8N1 at one bit per ``divisor`` cycles.

    Attributes
    ----------
    divisor : int
        Clock cycles per bit: clock frequency over baud rate, rounded. 4 to 65535.
    """

    room: ClassVar[str] = "uart_tx"

    divisor: int = integer(104, 4, 65535, unit="cycles", doc="Clock cycles per bit: clock over baud rate, rounded.")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Octets to send."""
        return (StreamPort("i", (PayloadField("data", 8),), "octets to send"),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """None: the line is the pin ``tx``."""
        return ()

    @property
    def pins(self) -> tuple[str, ...]:
        """Ports that are no streams: the line."""
        return ("tx",)

    @property
    def latency(self) -> int:
        """From the transfer of an octet to its start bit."""
        return 1

    @property
    def interval(self) -> int:
        """Cycles per octet."""
        return FRAME_BITS * self.divisor

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first transfer to the end of the last stop bit."""
        return self.latency + beat_count(inputs["i"]) * self.interval
