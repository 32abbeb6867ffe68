# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the dequantiser."""

from typing import ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.quantise.requantise.config import RequantiseConfig


class RescaleConfig(RequantiseConfig):
    """The requantiser with the wider words that two scales make; never a room of its own."""

    acc_bits: int = integer(32, 4, 40, unit="bits", doc="Width of an accumulator, two's complement.")
    multiplier_bits: int = integer(32, 2, 72, unit="bits", doc="Width of the product of both scales.")
    shift_min: int = integer(24, 0, 111, unit="bits", doc="Right shift of code 0.")
    out_bits: int = integer(16, 2, 32, unit="bits", doc="Width of a result.")


class DequantiseConfig(RoomConfig):
    """Map accumulators to ``round(acc * scale * multiplier / 2**shift)``, saturated, ``lanes`` a beat.

    The shift of a beat is ``shift_min`` plus its payload field ``shift``.
    """

    room: ClassVar[str] = "dequantise"

    lanes: int = integer(4, 1, 64, doc="Elements per beat, all in parallel.")
    acc_bits: int = integer(32, 4, 40, unit="bits", doc="Width of an accumulator, two's complement.")
    scale_bits: int = integer(16, 1, 40, unit="bits", doc="Width of the row's scale, unsigned.")
    multiplier_bits: int = integer(16, 1, 32, unit="bits", doc="Width of the tensor's or channel's scale, unsigned.")
    shift_bits: int = integer(0, 0, 6, unit="bits", doc="Width of the shift code; 0 fixes the shift at shift_min.")
    shift_min: int = integer(24, 0, 111, unit="bits", doc="Right shift of code 0.")
    out_bits: int = integer(16, 2, 32, unit="bits", doc="Width of a result, two's complement.")
    rounding: Literal["half_even", "half_up"] = choice(
        "half_even", doc="Where ties go: to the even neighbour, or towards plus infinity."
    )
    scope: Literal["tensor", "channel"] = choice("tensor", doc="One multiplier and shift per beat, or one per lane.")

    def check(self) -> None:
        """Check the rules between fields."""
        widest = self.acc_bits + self.scale_bits + self.multiplier_bits - 1
        self.require(
            self.shift_min <= widest,
            f"shift_min must be at most {widest}, to stay inside the product, not {self.shift_min}",
        )

    @property
    def rescale(self) -> RescaleConfig:
        """The requantiser that does the work once both scales are one."""
        return RescaleConfig(
            lanes=self.lanes,
            acc_bits=self.acc_bits,
            multiplier_bits=self.scale_bits + self.multiplier_bits,
            shift_bits=self.shift_bits,
            shift_min=self.shift_min,
            out_bits=self.out_bits,
            contract="onnx" if self.rounding == "half_even" else "half_up",
            scope=self.scope,
            input_register=False,
        )

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Accumulators and what scales them."""
        shape = (self.lanes,) if self.scope == "channel" else ()
        fields = [
            PayloadField("acc", self.acc_bits, True, (self.lanes,)),
            PayloadField("scale", self.scale_bits),
            PayloadField("multiplier", self.multiplier_bits, False, shape),
        ]
        if self.shift_bits:
            fields.append(PayloadField("shift", self.shift_bits, False, shape))
        return (StreamPort("i", (*fields, PayloadField("last", 1)), "Accumulators and their scales."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Results."""
        fields = PayloadField("y", self.out_bits, True, (self.lanes,)), PayloadField("last", 1)
        return (StreamPort("o", fields, "Results, in input order."),)

    @property
    def latency(self) -> int:
        """A register after the product of the scales, then the requantiser."""
        return 1 + self.rescale.latency
