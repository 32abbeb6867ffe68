# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the gated unit: the activation's golden model, an exact product, one rounding."""

from gatewright.hw.core.numerics import saturate, shift_right
from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.gated.config import GatedConfig


def golden(config: GatedConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Gate every element of ``i``."""
    beats = inputs["i"]
    product = activation(config.activation, beats["g"]) * beats["u"]
    h = saturate(shift_right(product, config.shift, config.rounding), config.out_bits, True)
    return {"o": {"h": h, "last": beats["last"].copy()}}
