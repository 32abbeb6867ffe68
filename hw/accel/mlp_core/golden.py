# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the MLP core: plain integer matrix products."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.accel.mlp_core.config import CYCLES_BYTES, LayerConfig, MlpCoreConfig
from gatewright.hw.core.numerics import saturate, shift_right
from gatewright.hw.core.ports import Beats, packets


def dense(layer: LayerConfig, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Run one layer on ``codes (batch, inputs)``; give ``(batch, outputs)``, signed 8 bits."""
    acc = codes @ layer.matrix + np.array(layer.bias)
    scaled = shift_right(acc * np.array(layer.multiplier), np.array(layer.shift), "half_even")
    return np.maximum(saturate(scaled + layer.zero_point, 8, True), layer.zero_point if layer.relu else -128)


def mlp(config: MlpCoreConfig, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Run the network on ``codes (batch, inputs)``; give the last layer's ``(batch, outputs)``."""
    for layer in config.layers:
        codes = dense(layer, codes)
    return codes


def golden(config: MlpCoreConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Answer every good packet with the outputs and the cycle count."""
    beats = inputs["i"]
    good = [beats["data"][span] for span in packets(beats) if beats["good"][span.stop - 1]]
    count = np.frombuffer(config.run_cycles.to_bytes(CYCLES_BYTES, "little"), np.int8).astype(np.int64)
    replies = [np.concatenate([row, count]) for row in mlp(config, np.array(good, np.int64))] if good else []
    last = [np.arange(len(reply)) == len(reply) - 1 for reply in replies]
    empty = np.zeros(0, np.int64)
    return {
        "o": {
            "data": np.concatenate([empty, *replies]).astype(np.int64),
            "last": np.concatenate([empty, *last]).astype(np.int64),
        }
    }
