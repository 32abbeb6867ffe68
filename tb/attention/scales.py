# SPDX-License-Identifier: BSD-2-Clause
"""Scales for attention's benches."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def draw_scales(config: Any, ends: Mapping[str, tuple[int, int]], rng: np.random.Generator) -> dict[str, int]:
    """Draw scales that bring the largest sum to a few times the range, or far below it; sometimes any.

    Parameters
    ----------
    config : AttentionConfig or KvAttentionConfig
        Gives the widths of multipliers and shift codes.
    ends : mapping
        For each name the widths of its sums and of its results.
    """
    found = {}
    for name, (wide, narrow) in ends.items():
        codes, top = 1 << config.shift_bits, (1 << config.multiplier_bits) - 1
        code = int(rng.integers(codes))
        ratio = 2.0 ** (narrow - wide + config.shift_min + code + int(rng.integers(-1, 4)))
        fitting = int(np.clip(ratio * rng.uniform(0.5, 1), 0, top))
        found[f"{name}_multiplier"] = fitting if rng.random() < 0.8 else int(rng.integers(0, top + 1))
        if config.shift_bits:
            found[f"{name}_shift"] = code
    return found
