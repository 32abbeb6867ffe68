# SPDX-License-Identifier: BSD-2-Clause
"""Cut matrices and vectors into the beats that the unit reads: what a driver or a weight store holds."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig
from gatewright.hw.ternary.tlmm.codes import encode


def weight_beats(config: TernaryMatvecConfig, matrix: NDArray[np.integer]) -> Beats:
    """Give the beats of ``i_w`` for a matrix (outputs, inputs) of -1, 0, 1.

    Rows and columns that fill the last beat and block are true zeros. Blocks come one after the
    other, each with all its outputs.

    Raises
    ------
    ConfigError
        If the matrix is larger than the unit's, or holds anything else.
    """
    outputs, inputs = matrix.shape
    if not (1 <= outputs <= config.outputs_max and 1 <= inputs <= config.inputs_max):
        raise ConfigError(
            f"ternary_matvec: a matrix must have 1..{config.outputs_max} outputs and 1..{config.inputs_max} inputs, "
            f"not {outputs} and {inputs}; raise outputs_max or inputs_max"
        )
    wrong = matrix[(matrix < -1) | (matrix > 1)]
    if wrong.size:
        raise ConfigError(f"ternary_matvec: weights must be -1, 0 or 1, not {wrong.flat[0]}")
    count, block = config.outputs_per_cycle, config.block
    padded = np.pad(matrix.astype(np.int64), ((0, -outputs % count), (0, -inputs % block)))
    beats = padded.reshape(padded.shape[0] // count, count, -1, block).transpose(2, 0, 1, 3)
    last = np.zeros(beats.shape[:2], np.int64)
    last[:, -1] = 1
    return {"code": _codes(config, beats.reshape(-1, count * block)), "last": last.ravel()}


def _codes(config: TernaryMatvecConfig, trits: Ints) -> Ints:
    packing = config.packed
    if packing is not None:
        whole = np.pad(trits.astype(np.int8), ((0, 0), (0, -trits.shape[1] % packing.group)))
        return packing.encode(whole).astype(np.int64).reshape(len(trits), -1)
    groups = trits.reshape(len(trits), config.outputs_per_cycle, config.groups, config.group)
    return encode(config.engine, groups)


def act_beats(config: TernaryMatvecConfig, x: Ints) -> Beats:
    """Give the beats of ``i_x`` for vectors (vectors, inputs), zeros behind the end of the last."""
    padded = np.pad(x, ((0, 0), (0, -x.shape[1] % config.lanes)))
    beats = padded.reshape(config.vectors, -1, config.lanes).transpose(1, 0, 2)
    return {"x": beats, "last": (np.arange(len(beats)) == len(beats) - 1).astype(np.int64)}
