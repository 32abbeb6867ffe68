# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the adder graph."""

from typing import Any

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.adder_graph.config import AdderGraphConfig
from gatewright.hw.ternary.adder_graph.golden import golden
from gatewright.tb.harness.bench import StreamBench, default_stimulus


def stimulus(config: AdderGraphConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw vectors; corner data holds the ones that give each output its least and greatest value."""
    inputs = default_stimulus(config, rng, kind, size)
    if kind == "corners":
        field = config.inputs[0].field("x")
        ends = np.where(config.matrix > 0, field.low, field.high), np.where(config.matrix < 0, field.low, field.high)
        extremes = np.concatenate(ends)[: size // 2]
        inputs["i"]["x"][-len(extremes) :] = extremes
    return inputs


def literal(text: str) -> tuple[int, ...]:
    """Read weights off a picture: ``+``, ``-`` and ``.`` for 0, rows apart by blanks."""
    return tuple({"+": 1, "-": -1, ".": 0}[mark] for mark in text.replace(" ", ""))


def drawn(outputs: int, inputs: int, seed: int) -> dict[str, Any]:
    """Draw a matrix: each weight as often as the others."""
    weights = np.random.default_rng(seed).integers(-1, 2, outputs * inputs)
    return {"output_count": outputs, "input_count": inputs, "weights": tuple(weights.tolist())}


def picture(text: str) -> dict[str, Any]:
    """Give the parameters of a matrix from its picture."""
    rows = text.split()
    return {"output_count": len(rows), "input_count": len(rows[0]), "weights": literal(text)}


BENCH = StreamBench(
    config=AdderGraphConfig,
    golden=golden,
    grid=(
        {},
        {**picture("-"), "act_bits": 4},
        {**drawn(1, 13, 1), "act_bits": 16, "stage_adders": 3},
        {**picture("+ - . - +"), "act_bits": 5},
        {**picture("++++++ ------ ...... ++++++"), "stage_adders": 2},
        {**drawn(9, 11, 2), "act_bits": 6, "stage_adders": 4},
        {**drawn(7, 10, 3), "sharing": "none"},
    ),
    mutation=(
        {**picture("++-. -++. ..-- +.++ ----"), "act_bits": 4},
        {**picture("++-.+ -++.- .--.. +++-+"), "act_bits": 4, "stage_adders": 2},
        {**picture("++-- -..- .++."), "act_bits": 4, "sharing": "none"},
    ),
    stimulus=stimulus,
)
