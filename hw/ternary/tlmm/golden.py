# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the ternary engine: decode the weights, multiply in int64."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.ternary.tlmm.codes import decode
from gatewright.hw.ternary.tlmm.config import TlmmConfig


def golden(config: TlmmConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the sums of every vector: block after block, each with the sweep of the same number."""
    acts, weights = inputs["i_x"], inputs["i_w"]
    beats = len(weights["last"])
    x = acts["x"].reshape(len(acts["last"]), config.vectors, config.block)
    w = decode(config, weights["code"]).reshape(beats, config.outputs_per_cycle, config.block)
    finals = acts["last"] if config.blocks_max > 1 else np.ones_like(acts["last"])
    sums: list[Ints] = []
    total: Ints = np.zeros(1, np.int64)
    for block, final, sweep in zip(x, finals, packets(weights), strict=True):
        total = total + block @ w[sweep].transpose(0, 2, 1)
        if final:
            sums.append(total)
            total = np.zeros(1, np.int64)
    last = [np.arange(len(packet)) == len(packet) - 1 for packet in sums]
    return {"o": {"y": np.concatenate(sums), "last": np.concatenate(last).astype(np.int64)}}
