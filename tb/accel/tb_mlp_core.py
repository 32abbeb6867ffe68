# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the MLP core: inputs at random and at the corners, packets that are not good among them."""

from itertools import pairwise
from typing import Any

import numpy as np

from gatewright.hw.accel.mlp_core.config import LayerConfig, MlpCoreConfig
from gatewright.hw.accel.mlp_core.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench


def layers(*sizes: int, seed: int = 1, affine: bool = False) -> tuple[dict[str, Any], ...]:
    """Draw a network whose outputs use their whole range, saturation included."""
    rng = np.random.default_rng(seed)
    found = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        spread = (inputs**0.5 * 74 * 74) / 90  # typical accumulator over a good part of the output's range
        ratio = rng.uniform(0.5, 2.0, outputs) / spread
        shift = 15 - np.floor(np.log2(ratio)).astype(int)
        layer = LayerConfig(
            inputs=inputs, outputs=outputs,
            weights=tuple(rng.integers(-128, 127, inputs * outputs, endpoint=True).tolist()),
            bias=tuple(rng.integers(-3000, 3000, outputs).tolist()),
            multiplier=tuple(np.minimum(65535, np.rint(ratio * 2.0**shift)).astype(int).tolist()),
            shift=tuple(shift.tolist()),
            zero_point=int(rng.integers(-128, 127)) if affine else 0,
            relu=bool(index < len(sizes) - 2),
        )  # fmt: skip
        found.append(layer.model_dump())
    return tuple(found)


def stimulus(config: MlpCoreConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw inputs; about one in four is broken off or not good."""
    images = max(1, size // (2 * config.input_bytes))
    data, last, good = [], [], []
    for _ in range(images):
        fine = images == 1 or rng.random() < 0.75
        length = config.input_bytes if fine else int(rng.integers(1, config.input_bytes + 1))
        if kind == "corners":
            data.append(rng.choice([-128, -127, -1, 0, 1, 127], length))
        else:
            data.append(rng.integers(-128, 127, length, endpoint=True))
        last.append(np.arange(length) == length - 1)
        good.append((np.arange(length) == length - 1) & fine)
    join = {"data": data, "last": last, "good": good}
    return {"i": {name: np.concatenate(parts).astype(np.int64) for name, parts in join.items()}}


BENCH = StreamBench(
    config=MlpCoreConfig,
    golden=golden,
    grid=(
        {"cols": 4, "layers": layers(7, 9, 3)},
        {"cols": 3, "engine": "serial", "layers": layers(5, 4, seed=2)},
        {"cols": 2, "depth": 4, "layers": layers(9, 5, 6, 2, seed=3, affine=True)},
    ),
    mutation={"cols": 2, "layers": layers(3, 4, 2, seed=4)},
    stimulus=stimulus,
    size=100,
    mutation_size=24,
)
