# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the GEMM engine: plain matrix products, cut as the streams are."""

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
    a_beats, b_beats = inputs["i_a"], inputs["i_b"]
    a_tiles = iter([a_beats["a"][span] for span in packets(a_beats)])
    b_tiles = iter([b_beats["b"][span] for span in packets(b_beats)])
    rows: list[Ints] = []
    spans: list[int] = []  # output beats that share one beat of parameters
    last: list[int] = []
    command = inputs["i_command"]
    for m_tiles, m_rest, n_tiles in zip(command["m_tiles"], command["m_rest"], command["n_tiles"], strict=True):
        for row in range(m_tiles):
            height = m_rest if row == m_tiles - 1 else config.rows
            kept: Ints | None = None
            for _ in range(n_tiles):
                a = next(a_tiles) if kept is None else kept
                kept = a if config.operand_buffers and len(a) <= config.buffer_depth else None
                tile = tile_product(a, next(b_tiles))[:height].reshape(-1, config.lanes)
                rows.append(tile)
                spans += [height] if config.lanes == config.cols else [1] * len(tile)
        last += [0] * (sum(map(len, rows)) - len(last) - 1) + [1]
    sums, ends = np.concatenate(rows), np.array(last)
    if config.output == "accumulator":
        return {"o": {"sum": sums, "last": ends}}
    param = {name: np.repeat(value[: len(spans)], spans, axis=0) for name, value in inputs["i_param"].items()}
    acc = sums + param.pop("bias")
    return {"o": requantise(config.requantise, {"i": {"acc": acc, **param, "last": ends}})["o"]}
