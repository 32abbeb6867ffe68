# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the weight-stationary systolic array."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.mac.systolic_ws.config import SystolicWsConfig
from gatewright.hw.mac.systolic_ws.golden import golden
from gatewright.tb.harness.bench import StreamBench, draw, draw_corners


def stimulus(config: SystolicWsConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw packets around the length at which loading a tile just keeps pace, and a tile for each.

    Corner data starts with tiles and activations whose sums reach both ends of their range.
    """
    pace = config.tile_cycles
    lengths: list[int] = []
    while sum(lengths) < size:
        longest = size - sum(lengths)
        lengths.append(min(longest, int(rng.choice([1, 2, pace - 1, pace, pace + 1, 3 * pace]))))
    take = draw if kind == "random" else draw_corners
    act, weight = take(config.act, rng, size), take(config.weight, rng, config.rows * len(lengths))
    if kind == "corners":
        for tile, value in enumerate((config.weight.low, config.weight.high)):
            weight[tile * config.rows : (tile + 1) * config.rows] = value
        starts = np.cumsum([0, *lengths])
        for tile in range(min(2, len(lengths))):
            act[starts[tile]] = (config.act.low, config.act.high)[tile]
            act[starts[tile + 1] - 1] = (config.act.high, config.act.low)[tile]
    last = np.zeros(size, np.int64)
    last[np.cumsum(lengths) - 1] = 1
    tile_last = np.tile(np.arange(config.rows) == config.rows - 1, len(lengths)).astype(np.int64)
    return {"i_weight": {"w": weight, "last": tile_last}, "i": {"a": act, "last": last}}


BENCH = StreamBench(
    config=SystolicWsConfig,
    golden=golden,
    grid=(
        {"rows": 3, "cols": 5, "hop": 2, "acc_bits": 18, "multiplier": "booth"},
        {"rows": 1, "cols": 1, "act_bits": 2, "weight_bits": 16, "weight_signed": False},
        {"rows": 5, "cols": 2, "act_bits": 16, "act_signed": False, "weight_bits": 3, "product_register": False},
        {"rows": 4, "cols": 4, "act_bits": 5, "act_signed": False, "weight_bits": 4, "weight_signed": False},
    ),
    mutation={"rows": 2, "cols": 2, "act_bits": 3, "weight_bits": 4, "acc_bits": 8},
    stimulus=stimulus,
)
