# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the activation: every input where there is time for it, else powers of two, limits and their neighbours."""

import numpy as np

from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.golden import golden
from gatewright.tb.harness.bench import StreamBench, draw_corners, random_last


def stimulus(config: ActivationConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw every input once before any comes again; wide words also around both signs of the powers of two."""
    field = config.inputs[0].field("x")
    x = draw_corners(field, rng, size) if kind == "corners" else every(field, rng, size)
    return {"i": {"x": x, "last": random_last(rng, size)}}


def every(field: PayloadField, rng: np.random.Generator, size: int) -> np.ndarray:
    """Shuffle all values of a field, as often as it takes; of wide fields take some, of any magnitude."""
    count = size * field.count
    if field.bits <= 10:
        rounds = -(-count // (field.high - field.low + 1))
        shuffled = [rng.permutation(np.arange(field.low, field.high + 1)) for _ in range(rounds)]
        return np.concatenate(shuffled)[:count].reshape(size, *field.shape)
    values = rng.integers(field.low, field.high, count, endpoint=True) >> rng.integers(0, field.bits // 2, count)
    near = (1 << rng.integers(0, field.bits - 1, count)) + rng.integers(-2, 3, count)
    near = np.clip(np.where(rng.random(count) < 0.5, -near, near), field.low, field.high)
    return np.where(rng.random(count) < 0.3, near, values).reshape(size, *field.shape)


WIDE = {"method": "polynomial", "in_bits": 16, "in_fraction": 12, "out_bits": 18, "out_fraction": 14}
UNIT = {"out_signed": False, "out_fraction": 8}
EDGE_MOE = {"method": "edge_moe", "in_bits": 32, "out_bits": 32, "in_fraction": 22, "out_fraction": 22}
TINY = {"in_bits": 5, "out_bits": 5, "in_fraction": 2, "out_fraction": 3}
SMALL = {"method": "polynomial", "in_bits": 6, "in_fraction": 3, "out_bits": 8, "out_fraction": 5}

BENCH = StreamBench(
    config=ActivationConfig,
    golden=golden,
    grid=(
        {"lanes": 4},
        {"function": "sigmoid", "lanes": 2, **UNIT},
        {"function": "silu", "method": "table", "in_zero": 3, "out_zero": -100, "in_scale": 5, "in_fraction": 7},
        WIDE | {"max_error_milli_lsb": 1590, "degree": "quadratic"},
        WIDE | {"function": "tanh", "out_bits": 16, "lanes": 2},
        EDGE_MOE,
    ),
    mutation=(
        TINY,
        TINY | {"function": "sigmoid", "out_signed": False},
        TINY | {"function": "relu2"},
        TINY | {"function": "silu", "method": "table"},
        SMALL | {"degree": "quadratic", "max_error_milli_lsb": 2000, "out_fraction": 6},
        SMALL | {"function": "tanh", "degree": "linear"},
    ),
    stimulus=stimulus,
    size=300,
    mutation_size=96,
)  # fmt: skip
