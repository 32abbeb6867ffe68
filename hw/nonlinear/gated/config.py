# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the gated unit."""

from functools import cache
from typing import ClassVar, Literal

import numpy as np

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.numerics import shift_right
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.functions import Function

UNSIGNED = ("sigmoid", "relu", "relu2")  # functions that are nowhere negative


class GatedConfig(RoomConfig):
    """Map pairs ``(g, u)`` to ``saturate(round(a(g) * u / 2**shift))``, ``lanes`` a beat.

    ``a`` is the code of the gate's activation, with the step ``middle_scale / 2**middle_fraction``. The
    output's step is that step times the step of ``u`` times ``2**shift``: the middle scale takes in
    whatever scale the network asks for, so the product needs a shift and no second multiplier.
    """

    room: ClassVar[str] = "gated"

    lanes: int = integer(1, 1, 16, doc="Elements per beat, all in parallel.")
    function: Function = choice(
        "silu", doc="The gate's activation: silu makes SwiGLU, sigmoid GLU, gelu GeGLU, relu ReGLU."
    )
    method: Literal["table", "symmetry", "polynomial"] = choice(
        "symmetry", doc="How the activation is computed, see the room activation."
    )
    in_bits: int = integer(8, 3, 16, unit="bits", doc="Width of a gate g, two's complement.")
    in_scale: int = integer(1, 1, 65535, doc="Step of g: in_scale / 2**in_fraction.")
    in_fraction: int = integer(4, 0, 48, unit="bits", doc="See in_scale.")
    max_error_milli_lsb: int = integer(
        1000, 500, 65535, unit="1/1000 middle step", doc="Largest error of the activation; method polynomial only."
    )
    middle_bits: int = integer(14, 2, 24, unit="bits", doc="Width of the activation; unsigned if it's never negative.")
    middle_scale: int = integer(1, 1, 65535, doc="Step of the activation: middle_scale / 2**middle_fraction.")
    middle_fraction: int = integer(10, 0, 48, unit="bits", doc="See middle_scale.")
    u_bits: int = integer(8, 2, 18, unit="bits", doc="Width of an element u, two's complement.")
    shift: int = integer(10, 0, 40, unit="bits", doc="Right shift of the product.")
    rounding: Literal["half_even", "half_up"] = choice("half_even", doc="Where the ties of that shift go.")
    out_bits: int = integer(8, 2, 24, unit="bits", doc="Width of an output, two's complement.")

    def check(self) -> None:
        """Check the activation's rules, and that the shift stays inside the product."""
        try:
            _activation(self)
        except ConfigError as error:
            # The activation's output is the middle here; all else has the same name.
            line = str(error).replace("activation.", f"{self.room}.").replace("out_", "middle_")
            raise ConfigError(line) from None
        most = self.middle_bits + self.u_bits - 1
        self.require(self.shift <= most, f"shift must be at most {most}, to stay inside the product, not {self.shift}")

    @property
    def middle_signed(self) -> bool:
        """Whether the activation's codes are two's complement."""
        return self.function not in UNSIGNED

    @property
    def activation(self) -> ActivationConfig:
        """One lane's activation."""
        return _activation(self)

    @property
    def product_reach(self) -> tuple[int, int]:
        """Least and greatest product."""
        low, high = self.activation.reach
        ends = [a * u for a in (low, high) for u in (self.inputs[0].field("u").low, self.inputs[0].field("u").high)]
        return min(ends), max(ends)

    @property
    def reach(self) -> tuple[int, int]:
        """Least and greatest rounded product, before saturation."""
        low, high = shift_right(np.array(self.product_reach), self.shift, self.rounding).tolist()
        return low, high

    @property
    def max_error_lsb(self) -> float:
        """Largest error against the real product, in output steps, where nothing saturates."""
        widest = 1 << (self.u_bits - 1)
        return (0.5 if self.shift else 0.0) + self.activation.max_error_lsb * widest / 2**self.shift

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Pairs of gate and element."""
        g = PayloadField("g", self.in_bits, True, (self.lanes,))
        u = PayloadField("u", self.u_bits, True, (self.lanes,))
        return (StreamPort("i", (g, u, PayloadField("last", 1)), "Gates and the elements that they scale."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Gated elements."""
        fields = (PayloadField("h", self.out_bits, True, (self.lanes,)), PayloadField("last", 1))
        return (StreamPort("o", fields, "Gated elements, in input order."),)

    @property
    def latency(self) -> int:
        """The activation's registers, one after the product, one after rounding."""
        return self.activation.latency + 2


@cache
def _activation(config: GatedConfig) -> ActivationConfig:
    return ActivationConfig(
        function=config.function, method=config.method, in_bits=config.in_bits, in_scale=config.in_scale,
        in_fraction=config.in_fraction, max_error_milli_lsb=config.max_error_milli_lsb, out_bits=config.middle_bits,
        out_signed=config.middle_signed, out_scale=config.middle_scale, out_fraction=config.middle_fraction,
    )  # fmt: skip
