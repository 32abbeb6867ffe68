# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the MLP accelerator."""

from collections.abc import Mapping
from typing import Any, ClassVar

from gatewright.hw.accel.mlp_core.config import MlpCoreConfig
from gatewright.hw.bus.command_port.config import CommandPortConfig
from gatewright.hw.core.config import RoomConfig, integer
from gatewright.hw.core.ports import Beats, StreamPort


class QnnMlpConfig(RoomConfig):
    """An `mlp_core` behind a UART that speaks `gatewright.hw.bus.protocol`."""

    room: ClassVar[str] = "qnn_mlp"

    clock_hz: int = integer(12_000_000, 1_000, 1_000_000_000, unit="Hz", doc="Clock frequency.")
    baud: int = integer(1_000_000, 300, 12_000_000, unit="bits/s", doc="Speed of the serial line.")
    design_id: int = integer(0, 0, 2**32 - 1, doc="Identity of the design, as the board reports it.")
    core: MlpCoreConfig = MlpCoreConfig()

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
    def divisor(self) -> int:
        """Clock cycles per bit on the line."""
        return round(self.clock_hz / self.baud)

    @property
    def port(self) -> CommandPortConfig:
        """The front end's parameters."""
        return CommandPortConfig(
            input_bytes=self.core.input_bytes, output_bytes=self.core.output_bytes,
            clock_hz=self.clock_hz, design_id=self.design_id,
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
        return self.core.run_cycles

    @property
    def interval(self) -> int:
        """Inferences take turns."""
        return self.core.run_cycles

    def cycles(self, inputs: Mapping[str, Beats]) -> Any:
        """Not a stream room: see `mlp_core` for the cycle model."""
        raise NotImplementedError
