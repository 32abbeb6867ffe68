# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the activation: the nearest code by definition, or the named approximation in integers."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.activation import edge_moe
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.plan import totals


def golden(config: ActivationConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Apply the function to every element of ``i``."""
    beats = inputs["i"]
    return {"o": {"y": activation(config, beats["x"]), "last": beats["last"].copy()}}


def activation(config: ActivationConfig, x: Ints) -> Ints:
    """Turn codes of x into codes of f(x), any shape."""
    x = np.asarray(x, np.int64)
    match config.method:
        case "edge_moe":
            return edge_moe_gelu(x)
        case "polynomial":
            return np.clip(totals(config.symmetry, x), config.code_low, config.code_high)
        case _:
            return config.codes[x + (1 << (config.in_bits - 1))]


def edge_moe_gelu(x: Ints) -> Ints:
    """Evaluate Edge-MoE's GELU on words of 22 fraction bits, with its one truncation."""
    magnitude, relu = np.abs(x), np.maximum(x, 0)
    table = np.array([*edge_moe.table(), 0], np.int64)
    at = np.minimum(magnitude >> edge_moe.STEP_BITS, edge_moe.ENTRIES - 1)
    offset = (magnitude & ((1 << edge_moe.STEP_BITS) - 1)) << (edge_moe.FRACTION_BITS - edge_moe.STEP_BITS)
    bent = (table[at] << edge_moe.FRACTION_BITS) + offset * (table[at + 1] - table[at])
    return np.where(magnitude >= edge_moe.CUT, relu, relu - (bent >> edge_moe.FRACTION_BITS))
