# SPDX-License-Identifier: BSD-2-Clause
"""Cut matrices, rows and parameters into the engine's beats: for weight stores, drivers and benches."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.moe.linear.config import LinearConfig
from gatewright.hw.ternary.ternary_matvec.words import weight_beats as ternary_beats


def weight_beats(config: LinearConfig, matrix: Ints) -> Beats:
    """Give the beats of ``i_w`` for a matrix (outputs, inputs), zeros behind its edges.

    int8: tile of outputs by tile, all beats of a row each. Ternary: beat of a row by beat, all tiles each.
    """
    if config.ternary:
        return ternary_beats(config.matvec, matrix)
    tall, wide = config.outputs_per_cycle, config.inputs_per_cycle
    outputs, inputs = matrix.shape
    padded = np.pad(matrix.astype(np.int64), ((0, -outputs % tall), (0, -inputs % wide)))
    tiles = padded.reshape(-1, tall, padded.shape[1] // wide, wide).transpose(0, 2, 1, 3)
    last = np.zeros(tiles.shape[:2], np.int64)
    last[:, -1] = 1
    return {"code": tiles.reshape(-1, tall, wide), "last": last.ravel()}


def row_beats(config: LinearConfig, row: Ints, outputs: int) -> Beats:
    """Give the beats of ``i_x`` for a row; one for int8 weights is sent once for each tile of outputs."""
    wide = config.inputs_per_cycle
    beats = np.pad(row, (0, -len(row) % wide)).reshape(-1, wide)
    last = (np.arange(len(beats)) == len(beats) - 1).astype(np.int64)
    times = 1 if config.ternary else -(-outputs // config.outputs_per_cycle)
    return {"x": np.tile(beats, (times, 1)), "last": np.tile(last, times)}


def param_beats(config: LinearConfig, bias: Ints, multiplier: Ints, shift: Ints) -> Beats:
    """Give the beats of ``i_param``; those of outputs that fill the last tile are zeros."""
    fill = (0, -len(bias) % config.outputs_per_cycle)
    columns = {"bias": bias, "multiplier": multiplier, "shift": shift}
    return {name: np.pad(column, fill).reshape(-1, config.lanes) for name, column in columns.items()}
