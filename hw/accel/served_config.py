# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of accelerators with a serial port."""

from collections.abc import Mapping
from typing import Any, Protocol

from gatewright.hw.bus.command_port.config import CommandPortConfig
from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, StreamPort


class Core(Protocol):
    """What the front end must know of a core's parameters."""

    @property
    def input_bytes(self) -> int:
        """Octets of an input."""

    @property
    def output_bytes(self) -> int:
        """Octets of an output."""

    @property
    def run_cycles(self) -> int:
        """Cycles from the last octet of an input to the last result, whatever the data."""

    @property
    def latency(self) -> int:
        """Cycles from the first octet of an input to the first of the reply."""

    @property
    def loads(self) -> int:
        """LOAD requests that bring the core's weights; 0 if it has them."""


class ServedConfig(RoomConfig):
    """A core behind a UART that speaks `gatewright.hw.bus.protocol`; a subclass adds the field ``core``."""

    clock_hz: int = integer(12_000_000, 1_000, 1_000_000_000, unit="Hz", doc="Clock frequency.")
    baud: int = integer(1_000_000, 300, 12_000_000, unit="bits/s", doc="Speed of the serial line.")
    design_id: int = integer(0, 0, 2**32 - 1, doc="Identity of the design, as the board reports it.")

    def check(self) -> None:
        """Check that the clock can make the line's speed."""
        self.require(
            4 <= self.divisor <= 65535,
            f"baud must lie in {-(-self.clock_hz // 65535)}..{self.clock_hz // 4} "
            f"for a clock of {self.clock_hz} Hz, not {self.baud}",
        )
        error = abs(self.clock_hz / self.divisor / self.baud - 1)
        self.require(
            error <= 0.02,
            f"baud must divide clock_hz = {self.clock_hz} within 2 %, not {self.baud} ({100 * error:.1f} % off)",
        )

    @property
    def served(self) -> Core:
        """The core's parameters."""
        core: Core = getattr(self, "core")  # noqa: B009 - a field of the subclasses
        return core

    @property
    def varies(self) -> bool:
        """Whether the cycles of a run depend on its input; `run_cycles` is then a typical run's."""
        return False

    @property
    def divisor(self) -> int:
        """Clock cycles per bit on the line."""
        return round(self.clock_hz / self.baud)

    @property
    def boot_cycles(self) -> int:
        """Cycles from reset until requests are answered; more than 0 where weights come from a flash."""
        return 0

    @property
    def port(self) -> CommandPortConfig:
        """The front end's parameters."""
        return CommandPortConfig(
            input_bytes=self.served.input_bytes, output_bytes=self.served.output_bytes,
            clock_hz=self.clock_hz, design_id=self.design_id, loads=self.served.loads > 0,
        )  # fmt: skip

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """None: the accelerator speaks through pins."""
        return ()

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """None: the accelerator speaks through pins."""
        return ()

    @property
    def pins(self) -> tuple[str, ...]:
        """Serial line, and a lamp."""
        return ("rx", "tx", "busy")

    @property
    def latency(self) -> int:
        """Cycles of one inference inside the core; the serial line comes on top."""
        return self.served.run_cycles

    @property
    def interval(self) -> int:
        """Inferences take turns."""
        return self.served.run_cycles

    def cycles(self, inputs: Mapping[str, Beats]) -> Any:
        """Not a stream room: see the core for the cycle model."""
        raise NotImplementedError
