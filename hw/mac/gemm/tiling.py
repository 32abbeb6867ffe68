# SPDX-License-Identifier: BSD-2-Clause
"""From matrices to the engine's streams and back: numpy only, for benches, drivers and mappers.

A is cut into blocks of ``config.block`` rows and both operands into steps of ``config.step``
terms of K. Output-stationary engines take, for each block of A and each column tile of B, all
steps of both, a beat each. A weight-stationary engine takes, for each block, column tile and
step, the tile of B row by row and the block's slice of A row by row.
"""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.ports import Beats
from gatewright.hw.mac.gemm.config import GemmConfig

Ints = NDArray[np.int64]


def _pad(matrix: Ints, rows: int, cols: int) -> Ints:
    """Pad with zeros at the bottom and on the right, up to multiples of ``rows`` and ``cols``."""
    return np.pad(matrix, [(0, -matrix.shape[0] % rows), (0, -matrix.shape[1] % cols)])


def command_stream(config: GemmConfig, m: int, n: int, k: int) -> Beats:
    """Give the command for a product of these shapes."""
    m_tiles = -(-m // config.block)
    fields = {
        "m_tiles": m_tiles,
        "m_rest": m - (m_tiles - 1) * config.block,
        "n_tiles": -(-n // config.cols),
        "k_tiles": -(-k // config.step),
    }
    return {field.name: np.array([fields[field.name]]) for field in config.inputs[0].fields}


def operand_streams(config: GemmConfig, a: Ints, b: Ints) -> dict[str, Beats]:
    """Cut matrices into the engine's operand packets.

    Parameters
    ----------
    config : GemmConfig
        Array and buffers.
    a : (M, K) int64
        Sent once per column tile; once in all if a buffer keeps its row tile.
    b : (K, N) int64
        All of it once per block of A.

    Returns
    -------
    dict
        Beats of ``i_a`` and ``i_b``.
    """
    if config.dataflow == "ws":
        return _weight_stationary(config, a, b)
    a, b = _pad(a, config.rows, config.depth), _pad(b, config.depth, config.cols)
    beats = a.shape[1] // config.depth
    # (row tile, beat, row, term) and (column tile, beat, term, column)
    tiles_a = a.reshape(-1, config.rows, beats, config.depth).transpose(0, 2, 1, 3)
    tiles_b = b.reshape(beats, config.depth, -1, config.cols).transpose(2, 0, 1, 3)
    if not config.keeps(beats):
        tiles_a = np.repeat(tiles_a, len(tiles_b), axis=0)
    stream_b = np.tile(tiles_b, (a.shape[0] // config.rows, 1, 1, 1))
    return {"i_a": _packets("a", list(tiles_a)), "i_b": _packets("b", list(stream_b))}


def _weight_stationary(config: GemmConfig, a: Ints, b: Ints) -> dict[str, Beats]:
    a, b = _pad(a, 1, config.rows), _pad(b, config.rows, config.cols)
    blocks = [a[top : top + config.m_depth] for top in range(0, len(a), config.m_depth)]
    slices = [np.split(block, a.shape[1] // config.rows, axis=1) for block in blocks]
    n_tiles = b.shape[1] // config.cols
    # (column tile, step, row, column)
    tiles = b.reshape(-1, config.rows, n_tiles, config.cols).transpose(2, 0, 1, 3)
    weights = tiles.reshape(-1, config.rows, config.cols)
    return {
        "i_a": _packets("a", [part for block in slices for part in block * n_tiles]),
        "i_b": _packets("b", list(weights) * len(blocks)),
    }


def _packets(name: str, tiles: list[Ints]) -> Beats:
    """Put tiles of shape (beats, ...) one behind the other, each a packet."""
    last = np.zeros(sum(map(len, tiles)), np.int64)
    last[np.cumsum([len(tile) for tile in tiles]) - 1] = 1
    return {name: np.concatenate(tiles), "last": last}


def param_stream(config: GemmConfig, m: int, columns: dict[str, Ints]) -> Beats:
    """Put the columns' parameters in the order in which the engine takes them.

    Parameters
    ----------
    config : GemmConfig
        Array and lanes.
    m : int
        Rows of the product.
    columns : dict
        ``bias``, ``multiplier`` and ``shift``, each (N,); the latter two of shape () if the scope
        is ``tensor``.

    Returns
    -------
    dict
        Beats: for each block and column tile, one beat if ``lanes == cols``, else ``cols / lanes``
        beats for each of its rows.
    """
    n_tiles = -(-len(columns["bias"]) // config.cols)
    groups = config.groups
    heights = [min(config.block, m - top) for top in range(0, m, config.block)]
    tile = np.arange(n_tiles * groups).reshape(n_tiles, 1, groups)
    repeats = heights if groups > 1 else [1] * len(heights)
    order = np.concatenate([np.repeat(tile, count, axis=1).reshape(-1) for count in repeats])
    beats: Beats = {}
    for field in config.inputs[3].fields:
        values = np.asarray(columns[field.name])
        if field.shape:
            padded = np.pad(values, (0, n_tiles * config.cols - len(values)))
            beats[field.name] = padded.reshape(-1, config.lanes)[order]
        else:
            beats[field.name] = np.full(len(order), values)
    return beats


def result(config: GemmConfig, beats: Beats, m: int, n: int) -> Ints:
    """Put output beats of one product back into a matrix (M, N)."""
    values = next(column for name, column in beats.items() if name != "last")
    n_tiles = -(-n // config.cols)
    found = np.zeros((m, n_tiles * config.cols), np.int64)
    at = 0
    for top in range(0, m, config.block):
        height = min(config.block, m - top)
        count = n_tiles * height * config.groups
        block = values[at : at + count].reshape(n_tiles, height, config.cols)
        found[top : top + height] = block.transpose(1, 0, 2).reshape(height, -1)
        at += count
    return found[:, :n]
