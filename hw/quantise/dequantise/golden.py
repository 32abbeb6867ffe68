# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the dequantiser: the exact product, rounded once."""

import numpy as np

from gatewright.hw.core.numerics import Ints, Rounding, saturate, shift_right
from gatewright.hw.core.ports import Beats
from gatewright.hw.quantise.dequantise.config import DequantiseConfig


def golden(config: DequantiseConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Dequantise every beat of ``i``."""
    beats = inputs["i"]
    scale, multiplier = beats["scale"][:, np.newaxis], beats["multiplier"]
    shift = config.shift_min + beats.get("shift", np.zeros_like(multiplier))
    if config.scope == "tensor":
        multiplier, shift = multiplier[:, np.newaxis], shift[:, np.newaxis]
    y = dequantise(beats["acc"], scale, multiplier, shift, config.rounding, config.out_bits)
    return {"o": {"y": y, "last": beats["last"].copy()}}


def dequantise(acc: Ints, scale: Ints, multiplier: Ints, shift: Ints, rounding: Rounding, out_bits: int) -> Ints:
    """Give ``round(acc * scale * multiplier / 2**shift)``, saturated to a signed word.

    Parameters
    ----------
    acc, scale, multiplier, shift : array of int64
        Broadcast against each other; the product may have 112 bits, so it is one of Python integers.
    rounding : str
        Where ties go.
    out_bits : int
        Width of the result.
    """
    acc, scale, multiplier, shift = (np.asarray(term).astype(object) for term in (acc, scale, multiplier, shift))
    exact = shift_right(acc * scale * multiplier, shift, rounding)
    return saturate(exact, out_bits, signed=True).astype(np.int64)
