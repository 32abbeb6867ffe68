# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the linear engine: integer matrix products, then the requantiser's golden model."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.moe.linear.config import LinearConfig
from gatewright.hw.quantise.requantise.golden import golden as requantise
from gatewright.hw.ternary.ternary_matvec.golden import golden as matvec
from gatewright.hw.ternary.ternary_matvec.golden import unpack


def finish(config: LinearConfig, sums: Ints, bias: Ints, multiplier: Ints, shift: Ints) -> Ints:
    """Add bias to sums (..., lanes) and scale them; parameters of the same shape."""
    lanes = (-1, config.lanes)
    beats: Beats = {"acc": (sums + bias).reshape(lanes)}
    beats |= {"multiplier": multiplier.reshape(lanes), "shift": shift.reshape(lanes)}
    beats["last"] = np.zeros(len(beats["acc"]), np.int64)
    return requantise(config.requantise, {"i": beats})["o"]["q"].reshape(np.shape(sums))


def golden(config: LinearConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Multiply row after row; parameters follow each other in the order of the outputs."""
    if config.ternary:
        rows = {"x": inputs["i_x"]["x"][:, np.newaxis], "last": inputs["i_x"]["last"]}
        found = matvec(config.matvec, {"i_x": rows, "i_w": inputs["i_w"]})["o"]
        sums, ends = found["y"][:, 0], found["last"]
    else:
        sums = _tiles(inputs)
        ends = np.zeros(len(sums), np.int64)
        ends[np.cumsum(inputs["i_job"]["tiles"]) - 1] = 1
    sums = sums.reshape(-1, config.lanes)
    param = {name: value[: len(sums)] for name, value in inputs["i_param"].items()}
    last = np.zeros((len(ends), config.groups), np.int64)
    last[:, -1] = ends
    return {"o": {"y": finish(config, sums, **param), "last": last.ravel()}}


def _tiles(inputs: dict[str, Beats]) -> Ints:
    """Give the sums (tiles, outputs_per_cycle) of int8 weights; each tile has its own packet of either operand."""
    x, code = inputs["i_x"]["x"], inputs["i_w"]["code"]
    products = (code * x[:, np.newaxis, :]).sum(axis=2)
    starts = [span.start for span in packets(inputs["i_w"])]
    return np.add.reduceat(products, starts)


def matrix_of(config: LinearConfig, codes: Ints, blocks: int) -> Ints:
    """Give the matrix (outputs, inputs) of the weights of a row of so many beats; padding included."""
    tall, wide = config.outputs_per_cycle, config.inputs_per_cycle
    if config.ternary:
        trits = unpack(config.matvec, codes).reshape(blocks, -1, wide)
        return trits.transpose(1, 0, 2).reshape(-1, blocks * wide)
    tiles = codes.reshape(-1, blocks, tall, wide)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, blocks * wide)
