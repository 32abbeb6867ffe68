# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the cube array: one matrix product per packet."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.mac.cube.config import CubeConfig

Ints = NDArray[np.int64]


def tile_product(a: Ints, b: Ints) -> Ints:
    """Multiply the beats of one packet.

    Parameters
    ----------
    a : (beats, rows, depth) int64
        Activations; beat ``t`` holds terms ``t*depth`` to ``t*depth + depth - 1``.
    b : (beats, depth, cols) int64
        Weights of the same terms.

    Returns
    -------
    (rows, cols) int64
        The matrix product over all terms.
    """
    left = a.transpose(1, 0, 2).reshape(a.shape[1], -1)
    return left @ b.reshape(-1, b.shape[2])


def golden(config: CubeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the rows of every packet's product."""
    beats = inputs["i"]
    tiles = [tile_product(beats["a"][span], beats["b"][span]) for span in packets(beats)]
    last = np.tile(np.arange(config.rows) == config.rows - 1, len(tiles)).astype(np.int64)
    return {"o": {"sum": np.concatenate(tiles or [np.zeros((0, config.cols), np.int64)]), "last": last}}
