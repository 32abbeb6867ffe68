# SPDX-License-Identifier: BSD-2-Clause
"""Vision transformers of any size with random weights, for tests: all signals are lively and few saturate."""

from typing import Literal

import numpy as np

from gatewright.gen.model.import_vit import Floats, quantise, tensor_shapes
from gatewright.gen.model.vit_config import VitConfig
from gatewright.gen.model.vit_graph import Geometry, VitGraph
from gatewright.hw.core.numerics import Ints

STEPS = {
    "pixel": 2.0**-6, "residual": 2.0**-10, "norm": 2.0**-5, "score": 2.0**-4, "gelu_in": 2.0**-5,
    "gelu_out": 2.0**-5, "gate": 2.0**-6,
}  # fmt: skip
# Attention's results are much the same for all tokens: too much of them, and all tokens choose the same experts.
GAINS = {"attn.proj.weight": 0.3, "moe.gate.weight": 2.0}
BLOCK_STEPS = {"q": 2.0**-5, "k": 2.0**-5, "v": 2.0**-5, "attention": 2.0**-5}
TERNARY_RESIDUAL = 2.0**-6  # so large are the steps of ternary sums


def random_model(
    rng: np.random.Generator,
    geometry: Geometry,
    classes: tuple[int, ...] = (3,),
    weights: Literal["int8", "ternary"] = "int8",
    norm: Literal["layer", "rms"] = "layer",
    over: Literal["all", "chosen"] = "all",
    widths: dict[str, int] | None = None,
) -> tuple[VitConfig, dict[str, Floats]]:
    """Give what a model file holds; ``classes`` counts them for each task, ``widths`` overrides `Formats`."""
    config = VitConfig(
        name="random",
        geometry=geometry,
        tasks=tuple((f"task{task}", tuple(map(str, range(count)))) for task, count in enumerate(classes)),
        weights=weights,
        norm=norm,
        over=over,
        epsilon=1e-5,
        steps=STEPS | ({"residual": TERNARY_RESIDUAL} if weights == "ternary" else {}),
        block_steps=(BLOCK_STEPS,) * geometry.layers,
        widths=widths or {},
    )
    tensors = {}
    for name, shape in tensor_shapes(config).items():
        value = rng.standard_normal(shape)
        if "norm" in name:
            value = value * 0.2 + name.endswith("weight")
        elif name.endswith("bias"):
            value *= 0.2
        elif name != "pos_embed":
            value *= GAINS.get(name.split(".", 2)[-1], 1.0) * shape[-1] ** -0.5
        tensors[name] = value.astype(np.float32)
    return config, tensors


def random_graph(
    rng: np.random.Generator,
    geometry: Geometry,
    classes: tuple[int, ...] = (3,),
    weights: Literal["int8", "ternary"] = "int8",
    norm: Literal["layer", "rms"] = "layer",
    over: Literal["all", "chosen"] = "all",
    widths: dict[str, int] | None = None,
) -> VitGraph:
    """Give the integer graph of such a model."""
    return quantise(*random_model(rng, geometry, classes, weights, norm, over, widths))


def random_images(rng: np.random.Generator, graph: VitGraph, count: int) -> Ints:
    """Give pixel codes ``(count, channels, height, width)``, extremes often among them."""
    size, high = graph.geometry, (1 << graph.formats.pixel_bits) - 1
    shape = (count, size.channels, size.height, size.width)
    return np.clip(rng.integers(-high // 4, high + high // 4 + 1, shape), 0, high)
