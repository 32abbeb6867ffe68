# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the expert engine: expert after expert on whole matrices of tokens."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.moe.linear.golden import finish, matrix_of
from gatewright.hw.moe.moe_engine.config import LAYERS, MoeEngineConfig
from gatewright.hw.nonlinear.activation.golden import activation


def expert(config: MoeEngineConfig, rows: Ints, layers: Iterator[tuple[Ints, dict[str, Ints]]]) -> Ints:
    """Give an expert's results for rows of activations (tokens, features)."""
    for turn in range(LAYERS):
        matrix, param = next(layers)
        shape = (len(rows), config.outputs_of(turn))
        columns = {name: np.broadcast_to(column, shape) for name, column in param.items()}
        rows = finish(config.linear, rows @ matrix.T, **columns)
        if turn == 0:
            rows = activation(config.activation, np.clip(rows, -128, 127))
    return rows


def scatter(config: MoeEngineConfig, residual: Ints, results: Ints, weights: Ints) -> Ints:
    """Weigh results (tokens, features), round half up, add with saturation."""
    bits, fraction = config.row.bits, config.weight_bits
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    weighed = (results * weights[:, np.newaxis] + (1 << (fraction - 1))) >> fraction
    return np.clip(residual + weighed, low, high)


def queues(route: Beats, sequence: list[slice]) -> dict[int, tuple[list[int], list[int]]]:
    """Give tokens and weights of each used expert, experts ascending, tokens in order."""
    found: dict[int, tuple[list[int], list[int]]] = {}
    for token, span in enumerate(sequence):
        for name, weight in zip(route["expert"][span].tolist(), route["weight"][span].tolist(), strict=True):
            tokens, weights = found.setdefault(name, ([], []))
            tokens.append(token)
            weights.append(weight)
    return dict(sorted(found.items()))


def sequences(route: Beats) -> Iterator[list[slice]]:
    """Give the tokens' packets of each sequence."""
    tokens: list[slice] = []
    for span in packets(route):
        tokens.append(span)
        if route["final"][span.stop - 1]:
            yield tokens
            tokens = []


def golden(config: MoeEngineConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Run sequence after sequence."""
    size = (config.tokens, config.features)
    rows, residuals = inputs["i_x"]["x"].reshape(-1, *size), inputs["i_r"]["x"].reshape(-1, *size)
    layers = _layers(config, inputs)
    fetched: list[int] = []
    finals: list[int] = []
    results: list[Ints] = []
    for index, sequence in enumerate(sequences(inputs["i_route"])):
        queued = queues(inputs["i_route"], sequence)
        total = residuals[index]
        for tokens, weights in queued.values():
            given = expert(config, rows[index][tokens], layers)
            total = total.copy()
            total[tokens] = scatter(config, total[tokens], given, np.array(weights, np.int64))
        fetched += queued
        finals += [int(number == len(queued) - 1) for number in range(len(queued))]
        results.append(total)
    x = np.concatenate(results).reshape(-1, config.lanes)
    beats = config.features // config.lanes
    return {
        "o_fetch": {"expert": np.array(fetched, np.int64), "final": np.array(finals, np.int64)},
        "o": {"x": x, "last": (np.arange(len(x)) % beats == beats - 1).astype(np.int64)},
    }


def _layers(config: MoeEngineConfig, inputs: dict[str, Beats]) -> Iterator[tuple[Ints, dict[str, Ints]]]:
    """Read matrix and parameters of one layer after the other off the streams."""
    beats, at = config.layer_beats, 0
    for index in range(len(inputs["i_w"]["last"]) // beats):
        turn = index % LAYERS
        codes = inputs["i_w"]["code"][index * beats : (index + 1) * beats]
        count = config.outputs_of(turn) // config.lanes
        param = {name: inputs["i_param"][name][at : at + count].ravel() for name in ("bias", "multiplier", "shift")}
        at += count
        yield matrix_of(config.linear, codes, config.blocks(turn)), param
