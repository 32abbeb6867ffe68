# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the vision transformer's core: images, broken packets, routes of all kinds, weights in order of use."""

from typing import Any

import numpy as np

from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.demo import Layer, constants, draw_layer
from gatewright.hw.accel.vit_core.golden import golden, images, infer
from gatewright.hw.accel.vit_core.program import Matrix
from gatewright.hw.accel.vit_core.words import column_beats, matrix_beats
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: VitCoreConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw images of about ``size`` octets in all, one packet in five broken, and the weights that they ask for."""
    count = config.input_bytes
    parts: list[tuple[Ints, int]] = []
    good = max(1, size // (8 * count))
    while good:
        octets = rng.integers(0, 128, count) if kind == "random" else rng.choice([0, 127, 64], count)
        if rng.random() < 0.1:
            octets[1:] = rng.choice([0, 127])
        octets[0] = rng.integers(0, config.tasks + 1)
        if size > 8 and rng.random() < 0.2:
            parts.append((octets[: rng.integers(1, count + 1)], 0))
        else:
            parts.append((octets, 1))
            good -= 1
    last = np.concatenate([np.arange(len(octets)) == len(octets) - 1 for octets, _ in parts]).astype(np.int64)
    good_ends = np.concatenate([np.full(len(octets), sound) for octets, sound in parts])
    image = {"data": np.concatenate([octets for octets, _ in parts]), "last": last, "good": last * good_ends}
    if config.store == "constant":
        return {"i": image}
    return {"i": image, **_weights(config, rng, image)}


def _weights(config: VitCoreConfig, rng: np.random.Generator, image: Beats) -> Inputs:
    """Draw matrices as the images' runs ask for them: which experts they ask for depends on the ones before."""
    found: dict[str, list[Beats]] = {"i_w": [], "i_param": []}

    def provide(matrix: Matrix) -> Layer:
        layer = draw_layer(config, rng, matrix.kind)
        found["i_w"].append(matrix_beats(config, matrix.kind, layer[0]))
        found["i_param"].append(column_beats(config, matrix.kind, **layer[1]))
        return layer

    for task, pixels in images(config, image):
        infer(config, pixels, task, provide)
    return {
        port: {name: np.concatenate([beats[name] for beats in parts]).astype(np.int64) for name in parts[0]}
        for port, parts in found.items()
    }


SMALL: dict[str, Any] = {
    "features": 16, "attention": {"heads": 2, "head_dim": 8, "parallel": 2, "lanes": 4}, "gate": {"experts": 4},
    "hidden": 24, "expert_hidden": 16,
}  # fmt: skip

BENCH = StreamBench(
    config=VitCoreConfig,
    golden=golden,
    grid=(
        {**SMALL, "lanes": 2, "tasks": 2, "layers": 3, "channels": 2, "height": 6, "classes": 5,
         "gate": {"experts": 3, "k": 2, "over": "chosen"}},
        constants(**SMALL, tasks=2),
        constants(**{**SMALL, "hidden": 16}, method="fold", group=2, inputs_per_cycle=4, outputs_per_cycle=4, lanes=2,
                  norm={"kind": "rms"}),
    ),
    mutation={**SMALL},
    stimulus=stimulus,
    size=60,
)  # fmt: skip
