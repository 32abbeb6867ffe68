# SPDX-License-Identifier: BSD-2-Clause
"""A network that nobody trained: random matrices whose results are neither all zero nor all saturated."""

from typing import Any

import numpy as np

from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.program import HIDES, Kind
from gatewright.hw.accel.vit_core.words import pack_columns, pack_matrix
from gatewright.hw.core.numerics import Ints

Layer = tuple[Ints, dict[str, Ints]]  # matrix (outputs, inputs); bias, multiplier, shift code (outputs,)


def draw_layer(config: VitCoreConfig, rng: np.random.Generator, kind: Kind) -> Layer:
    """Draw a matrix and its scales."""
    outputs, inputs = config.outputs_of(kind), config.inputs_of(kind)
    low, high = (-1, 1) if config.linear.ternary else (-128, 127)
    matrix = rng.integers(low, high, (outputs, inputs), endpoint=True)
    wanted = 40 if kind == Kind.QKV or kind in HIDES else 3000
    size = 40 * (0.8 if config.linear.ternary else 74) * np.sqrt(inputs)
    scale = wanted / size * 2.0**16
    shift = 0
    while scale < 2000 and shift < 15:
        scale, shift = scale * 2, shift + 1
    multiplier = np.clip(rng.uniform(0.5, 1.5, outputs) * scale, 1, 65535).astype(np.int64)
    bias = rng.integers(-int(size) // 4 - 1, int(size) // 4 + 1, outputs)
    return matrix, {"bias": bias, "multiplier": multiplier, "shift": np.full(outputs, shift)}


def constants(seed: int = 1, **geometry: Any) -> dict[str, Any]:
    """Give parameters of a core with constant weights."""
    shape = VitCoreConfig(**geometry)
    rng = np.random.default_rng(seed)
    layers = [draw_layer(shape, rng, matrix.kind) for matrix in shape.matrices]
    for task in range(1, shape.tasks):  # one class less than the first
        matrix, columns = layers[-task]
        layers[-task] = matrix[:-1], {name: column[:-1] for name, column in columns.items()}
    return {
        **geometry, "store": "constant", "weights": tuple(pack_matrix(matrix) for matrix, _ in layers),
        "params": tuple(pack_columns(**columns) for _, columns in layers),
    }  # fmt: skip
