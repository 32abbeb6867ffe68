# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of rotary positions: complex products, written out, with one rounding each."""

import numpy as np

from gatewright.hw.attention.rope.config import RopeConfig
from gatewright.hw.core.numerics import Ints, saturate, shift_right
from gatewright.hw.core.ports import Beats


def rotate(config: RopeConfig, heads: Ints, position: Ints) -> Ints:
    """Turn heads ``(..., head_dim)`` whose pairs are neighbours by positions of the shape ``(...)``."""
    cos, sin = (table[position] for table in config.table)
    a, b = heads[..., ::2], heads[..., 1::2]
    turned = np.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(heads.shape)
    return saturate(shift_right(turned, config.right_shift, "half_up"), config.out_bits, True)


def golden(config: RopeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Turn whole heads."""
    beats = inputs["i"]
    y = rotate(config, beats["x"].reshape(-1, config.head_dim), beats["position"][:: config.parts])
    return {"o": {"y": y.reshape(beats["x"].shape), "last": beats["last"].copy()}}
