# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the requantiser."""

from typing import ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.quantise.requantise.plan import Partial, pieces, rows


class RequantiseConfig(RoomConfig):
    """Map accumulators to quantised activations, ``lanes`` a beat.

    The right shift of a beat is ``shift_min + shift_step * code`` with ``code`` the payload field
    ``shift``, so every code is legal. Since ``m * 2**-s == (m << d) * 2**-(s + d)``, a step of 4
    costs three bits of multiplier and saves the fine half of the shifter.
    """

    room: ClassVar[str] = "requantise"

    lanes: int = integer(1, 1, 64, doc="Elements per beat, all in parallel.")
    acc_bits: int = integer(32, 8, 48, unit="bits", doc="Width of an accumulator, two's complement.")
    multiplier_bits: int = integer(16, 2, 32, unit="bits", doc="Width of the multiplier.")
    multiplier_signed: bool = flag(False, doc="Two's complement multiplier, for negative scales.")
    shift_bits: int = integer(4, 0, 6, unit="bits", doc="Width of the shift code; 0 fixes the shift at shift_min.")
    shift_min: int = integer(16, 0, 63, unit="bits", doc="Right shift of code 0.")
    shift_step: int = integer(1, 1, 16, unit="bits", doc="Right shift per code; a power of two.")
    out_bits: int = integer(8, 2, 16, unit="bits", doc="Width of an activation.")
    out_signed: bool = flag(True, doc="Two's complement activations.")
    zero_point: int = integer(0, -32768, 65535, doc="Code of the real number 0.")
    relu: bool = flag(False, doc="Clamp at the zero point instead of the lowest code.")
    contract: Literal["onnx", "gemmlowp", "half_up"] = choice(
        "onnx",
        doc="Rounding: onnx rounds the exact quotient half to even; gemmlowp rounds twice, as TFLite's "
        "reference kernels do; half_up rounds the exact quotient half up.",
    )
    scope: Literal["tensor", "channel"] = choice(
        "tensor", doc="One multiplier and shift per beat, or one per lane."
    )
    engine: Literal["parallel", "serial"] = choice(
        "parallel", doc="Hardware multipliers and a beat per cycle, or one adder per lane and many cycles."
    )
    limb_bits: int = integer(
        17, 8, 32, unit="bits", doc="Widest unsigned factor of one hardware multiplier; parallel engine only."
    )
    input_register: bool = flag(
        True, doc="Register the input before the multipliers; off where it comes from registers. Parallel engine only."
    )

    def check(self) -> None:
        """Check the rules between fields."""
        self.require(
            self.shift_step & (self.shift_step - 1) == 0,
            f"shift_step must be a power of two, not {self.shift_step}",
        )
        self.require(
            self.code_low <= self.zero_point <= self.code_high,
            f"zero_point must lie in {self.code_low}..{self.code_high}, the range of the activations, "
            f"not {self.zero_point}",
        )
        widest = self.product_bits - 1 - self.fraction_bits
        self.require(
            self.shift_min <= widest,
            f"shift_min must be at most {widest}, to stay inside the product, not {self.shift_min}",
        )
        if self.contract == "gemmlowp":
            self.require(
                self.acc_bits <= 32, f"acc_bits must be at most 32 for contract gemmlowp, not {self.acc_bits}"
            )
            self.require(
                self.shift_max <= 31,
                f"shift_min + shift_step * (2**shift_bits - 1) must be at most 31 for contract gemmlowp, "
                f"not {self.shift_max}",
            )
        if self.engine == "serial":
            self.require(
                not self.multiplier_signed, "multiplier_signed must be false for engine serial, not True"
            )
            self.require(
                self.total_shift_min >= self.multiplier_bits,
                f"shift_min must be at least multiplier_bits = {self.multiplier_bits} for engine serial, "
                f"not {self.shift_min}",
            )

    @property
    def shift_max(self) -> int:
        """Largest right shift, in bits."""
        return self.shift_min + self.shift_step * ((1 << self.shift_bits) - 1)

    @property
    def fraction_bits(self) -> int:
        """Fraction bits of the multiplier, divided out before the shift: 31 for TFLite's 32-bit multipliers."""
        return self.multiplier_bits - self.multiplier_signed if self.contract == "gemmlowp" else 0

    @property
    def total_shift_min(self) -> int:
        """Smallest distance from the product's unit to the activation's unit, in bits."""
        return self.fraction_bits + self.shift_min

    @property
    def total_shift_max(self) -> int:
        """Largest such distance."""
        return self.fraction_bits + self.shift_max

    @property
    def product_bits(self) -> int:
        """Width of the exact product, two's complement."""
        return self.acc_bits + self.multiplier_bits

    @property
    def code_low(self) -> int:
        """Smallest activation that fits in ``out_bits``."""
        return -(1 << (self.out_bits - 1)) if self.out_signed else 0

    @property
    def code_high(self) -> int:
        """Largest activation that fits in ``out_bits``."""
        return (1 << (self.out_bits - self.out_signed)) - 1

    @property
    def clamp_low(self) -> int:
        """Smallest activation that leaves the room."""
        return self.zero_point if self.relu else self.code_low

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Accumulators with their scale."""
        scale = (self.lanes,) if self.scope == "channel" else ()
        fields = [
            PayloadField("acc", self.acc_bits, True, (self.lanes,)),
            PayloadField("multiplier", self.multiplier_bits, self.multiplier_signed, scale),
        ]
        if self.shift_bits:
            fields.append(PayloadField("shift", self.shift_bits, False, scale))
        return (StreamPort("i", (*fields, PayloadField("last", 1)), "Accumulators and their scale."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Quantised activations."""
        fields = (PayloadField("q", self.out_bits, self.out_signed, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Activations, in input order."),)

    @property
    def rows(self) -> list[list[Partial]]:
        """Rows of partial products that the parallel engine adds up."""
        return rows(
            pieces(self.acc_bits, True, self.limb_bits),
            pieces(self.multiplier_bits, self.multiplier_signed, self.limb_bits),
        )

    @property
    def adder_levels(self) -> int:
        """Registered levels of adders that sum the rows."""
        return (len(self.rows) - 1).bit_length()

    @property
    def latency(self) -> int:
        """Parallel: a register each for input, partial products, every adder level, shifter halves and result."""
        if self.engine == "serial":
            return 1
        return 2 + self.input_register + self.adder_levels + min(self.shift_bits, 2)

    @property
    def interval(self) -> int:
        """Serial: one cycle for each bit of the longest shift, one to round."""
        return self.total_shift_max + 1 if self.engine == "serial" else 1

