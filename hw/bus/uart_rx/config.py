# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of uart_rx."""

from collections.abc import Mapping
from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort

SYNC_CYCLES = 2  # flip-flops between the pin and the logic


class UartRxConfig(RoomConfig):
    """Receive 8N1 at one bit per ``divisor`` cycles.

    Attributes
    ----------
    divisor : int
        Clock cycles per bit: clock frequency over baud rate, rounded. 4 to 65535.
    """

    room: ClassVar[str] = "uart_rx"

    divisor: int = integer(104, 4, 65535, unit="cycles", doc="Clock cycles per bit: clock over baud rate, rounded.")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """None: the line is the pin ``rx``."""
        return ()

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Received octets."""
        return (StreamPort("o", (PayloadField("data", 8),), "octets as received"),)

    @property
    def pins(self) -> tuple[str, ...]:
        """Ports that are no streams: the line, and two pulses of one cycle."""
        return ("rx", "framing_error", "overrun")

    @property
    def half(self) -> int:
        """Cycles from a falling edge to the middle of the start bit."""
        return self.divisor // 2

    @property
    def latency(self) -> int:
        """Cycles from the falling edge at the pin to the octet's ``valid``: 9.5 bits and 3."""
        return SYNC_CYCLES + 1 + self.half + 9 * self.divisor

    @property
    def interval(self) -> int:
        """Cycles per octet on a full line."""
        return 10 * self.divisor

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count the cycles of a waveform; one beat of ``rx`` is one cycle of the line."""
        return len(inputs["rx"]["level"])
