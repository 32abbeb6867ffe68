# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the GEMM engine: plain matrix products, cut as the streams are."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.mac.cube.golden import tile_product
from gatewright.hw.mac.gemm.config import GemmConfig
from gatewright.hw.quantise.requantise.golden import golden as requantise


def gemm(config: GemmConfig, a: Ints, b: Ints, columns: dict[str, Ints] | None = None) -> Ints:
    """Multiply matrices and finish the result.

    Parameters
    ----------
    config : GemmConfig
        Output kind and requantiser.
    a, b : (M, K), (K, N) int64
        Operands.
    columns : dict, optional
        ``bias``, ``multiplier``, ``shift``: (N,), the latter two () with scope ``tensor``.

    Returns
    -------
    (M, N) int64
        Accumulators, or activations.
    """
    total = a @ b
    if columns is None or config.output == "accumulator":
        return total
    scale = {name: np.broadcast_to(value, (len(a), *np.shape(value))) for name, value in columns.items()}
    scale.pop("bias")
    beats = {"acc": total + columns["bias"], **scale, "last": np.zeros(len(a), np.int64)}
    return requantise(config.requantise, {"i": beats})["o"]["q"]


def golden(config: GemmConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Follow commands through the operand packets."""
    blocks, last = [], []
    for block, end in _weight_stationary(inputs) if config.dataflow == "ws" else _output_stationary(config, inputs):
        blocks.append(block.reshape(-1, config.lanes))
        last += [0] * (len(blocks[-1]) - 1) + [int(end)]
    sums, ends = np.concatenate(blocks), np.array(last)
    if config.output == "accumulator":
        return {"o": {"sum": sums, "last": ends}}
    # One beat of parameters serves a whole block if it spans its columns, else a single beat.
    shared = [len(block) for block in blocks] if config.lanes == config.cols else [1] * len(sums)
    param = {name: np.repeat(value[: len(shared)], shared, axis=0) for name, value in inputs["i_param"].items()}
    acc = sums + param.pop("bias")
    return {"o": requantise(config.requantise, {"i": {"acc": acc, **param, "last": ends}})["o"]}


def _output_stationary(config: GemmConfig, inputs: dict[str, Beats]) -> Iterator[tuple[Ints, bool]]:
    """Give sums (rows, cols) of every tile, and whether it ends its product."""
    a_tiles, b_tiles = _tiles(inputs["i_a"], "a"), _tiles(inputs["i_b"], "b")
    command = inputs["i_command"]
    for m_tiles, m_rest, n_tiles in zip(command["m_tiles"], command["m_rest"], command["n_tiles"], strict=True):
        for row in range(m_tiles):
            height = m_rest if row == m_tiles - 1 else config.rows
            kept: Ints | None = None
            for col in range(n_tiles):
                a = next(a_tiles) if kept is None else kept
                kept = a if config.operand_buffers and len(a) <= config.buffer_depth else None
                yield tile_product(a, next(b_tiles))[:height], row == m_tiles - 1 and col == n_tiles - 1


def _weight_stationary(inputs: dict[str, Beats]) -> Iterator[tuple[Ints, bool]]:
    """Give sums (rows of the block, cols) of every block and column tile, and whether it ends its product."""
    slices, weights = _tiles(inputs["i_a"], "a"), _tiles(inputs["i_b"], "b")
    command = inputs["i_command"]
    for m_tiles, n_tiles, k_tiles in zip(command["m_tiles"], command["n_tiles"], command["k_tiles"], strict=True):
        blocks = m_tiles * n_tiles
        for index in range(blocks):
            parts = [next(slices) @ next(weights) for _ in range(k_tiles)]
            yield np.sum(parts, axis=0), index == blocks - 1


def _tiles(beats: Beats, name: str) -> Iterator[Ints]:
    """Give the packets of an operand."""
    return iter([beats[name][span] for span in packets(beats)])
