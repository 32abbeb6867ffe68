# SPDX-License-Identifier: BSD-2-Clause
"""Language models of any size with random weights, for tests: all signals are lively and few saturate."""

from typing import Literal

import numpy as np

from gatewright.gen.model.import_lm import BOUNDS, EMBED, quantise, tensor_shapes
from gatewright.gen.model.lm_config import BLOCK_STEPS, COMMON_STEPS, LmConfig
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_tensors import Tensor, Trits
from gatewright.hw.core.numerics import Ints

STEPS = {
    "embed": 2.0**-4, "residual": 2.0**-5, "norm": 2.0**-5, "mixer_norm": 2.0**-5,
    "ffn_norm": 2.0**-4, "score": 2.0**-6, "gate": 2.0**-6, "middle": 2.0**-10,
    "state": 2.0**-12,
}  # fmt: skip
PART_STEPS = {"q": 2.0**-5, "k": 2.0**-5, "v": 2.0**-5, "up": 2.0**-6}


def random_model(
    rng: np.random.Generator,
    geometry: LmGeometry,
    gate: Literal["relu2", "silu"] = "relu2",
    head: Literal["tied", "untied"] = "untied",
    act: Literal["static", "dynamic"] = "static",
    widths: dict[str, int] | None = None,
) -> tuple[LmConfig, dict[str, Tensor]]:
    """Give what a model file holds; ``widths`` overrides `LmFormats`."""
    family = geometry.family
    steps = STEPS | ({"mixer_norm": 2.0**-4} if family == "mlgru" else {})  # a gated state has a long tail
    config = LmConfig(
        name="random",
        geometry=geometry,
        gate=gate,
        head=head,
        act=act,
        epsilon=1e-5,
        steps={name: steps[name] for name in COMMON_STEPS[family]},
        block_steps=({name: PART_STEPS[name] for name in BLOCK_STEPS[family]},) * geometry.layers,
        widths=widths or {},
    )
    tensors: dict[str, Tensor] = {}
    for name, shape in tensor_shapes(config).items():
        if name == BOUNDS:
            tensors[name] = rng.standard_normal(shape).astype(np.float32)
        elif len(shape) == 1:
            tensors[name] = (1 + 0.2 * rng.standard_normal(shape)).astype(np.float32)
        elif name == EMBED:
            tensors[name] = (rng.standard_normal(shape) * 1.5).astype(np.float32)
        else:
            codes = rng.choice(np.array([-1, 0, 1], np.int8), shape, p=(0.31, 0.38, 0.31))
            tensors[name] = Trits(codes, float(np.float32((0.62 * shape[1]) ** -0.5)))
    return config, tensors


def random_graph(
    rng: np.random.Generator,
    geometry: LmGeometry,
    gate: Literal["relu2", "silu"] = "relu2",
    head: Literal["tied", "untied"] = "untied",
    act: Literal["static", "dynamic"] = "static",
    widths: dict[str, int] | None = None,
) -> LmGraph:
    """Give the integer graph of such a model."""
    return quantise(*random_model(rng, geometry, gate, head, act, widths))


def random_tokens(rng: np.random.Generator, graph: LmGraph, count: int) -> Ints:
    """Give tokens, some of them repeated."""
    return rng.integers(0, graph.geometry.vocab, count) // rng.choice([1, 1, 4], count)
