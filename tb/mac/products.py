# SPDX-License-Identifier: BSD-2-Clause
"""Stimulus for the GEMM engine: matrices of random shapes, one product after the other."""

from typing import Any

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.mac.gemm.tiling import command_stream, operand_streams, param_stream
from gatewright.tb.harness.bench import draw, draw_corners


def product_streams(config: Any, m: int, n: int, k: int, fill: Any) -> dict[str, Beats]:
    """Give the streams of one product; ``fill(field, shape)`` draws an array for a payload field."""
    port = {item.name: item for item in config.inputs}
    streams = {"i_command": command_stream(config, m, n, k)}
    a, b = fill(port["i_a"].field("a"), (m, k)), fill(port["i_b"].field("b"), (k, n))
    streams |= operand_streams(config, a, b)
    if config.output == "requantised":
        fields = port["i_param"].fields
        columns = {field.name: fill(field, (n,) if field.shape else ()) for field in fields}
        streams["i_param"] = param_stream(config, m, columns)
    return streams


def join(parts: list[dict[str, Beats]]) -> dict[str, Beats]:
    """Put the streams of several products one behind the other."""
    return {
        port: {name: np.concatenate([part[port][name] for part in parts]) for name in parts[0][port]}
        for port in parts[0]
    }


def shape(config: Any, rng: np.random.Generator, size: int) -> tuple[int, int, int]:
    """Draw M, N and K whose operands take about ``size`` beats at most, edges included."""
    block = min(config.block, 16)
    m = int(rng.choice([1, block, block + 1, rng.integers(1, 3 * block + 1)]))
    n = int(rng.choice([1, config.cols, config.cols + 1, rng.integers(1, 3 * config.cols + 1)]))
    tiles = -(-m // block) * -(-n // config.cols)
    k = int(rng.integers(1, max(2, size * config.depth // tiles + 1)))
    return min(m, config.m_max), min(n, config.n_max), min(k, config.k_max)


def stimulus(config: Any, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw products until their operands take ``size`` beats."""

    def fill(field: PayloadField, form: tuple[int, ...]) -> Ints:
        count = int(np.prod(form))
        plain = PayloadField(field.name, field.bits, field.signed)
        if kind == "corners":
            return rng.permutation(draw_corners(plain, rng, count)).reshape(form)
        return draw(plain, rng, count).reshape(form)

    parts: list[dict[str, Beats]] = []
    beats = 0
    while beats < size:
        m, n, k = shape(config, rng, size - beats)
        if kind == "corners" and not parts:
            k = config.k_max
        parts.append(product_streams(config, m, n, k, fill))
        beats += len(parts[-1]["i_b"]["last"])
    return join(parts)
