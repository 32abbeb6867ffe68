# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the linear engine: rows of many shapes, sums at both ends."""

import numpy as np

from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.moe.linear.config import LinearConfig
from gatewright.hw.moe.linear.golden import golden
from gatewright.hw.moe.linear.words import param_beats, row_beats, weight_beats
from gatewright.tb.harness.bench import StreamBench, draw, draw_corners


def shape(config: LinearConfig, rng: np.random.Generator) -> tuple[int, int]:
    """Draw inputs and outputs; ternary rows are long enough for the queue of sums to keep up."""
    step, tall = config.inputs_per_cycle, config.outputs_per_cycle
    low = step * (config.groups - 1) + 1 if config.ternary else 1
    inputs = int(rng.choice([low, config.inputs_max, int(rng.integers(low, config.inputs_max + 1))]))
    outputs = int(rng.choice([1, tall, min(tall + 1, config.outputs_max), config.outputs_max]))
    return inputs, outputs


def row_streams(
    config: LinearConfig, rng: np.random.Generator, kind: str, inputs: int, outputs: int
) -> dict[str, Beats]:
    """Draw one row, its matrix and its parameters."""

    def fill(name: str, low: int, high: int, count: int) -> np.ndarray:
        item = PayloadField(name, high.bit_length() + (low < 0), low < 0)
        drawn = draw(item, rng, count) if kind == "random" else draw_corners(item, rng, count + 40)[-count:]
        return np.clip(drawn, low, high)

    row = fill("x", -128, 127, inputs)
    matrix = rng.integers(-1, 2, (outputs, inputs))
    if not config.ternary:
        matrix = fill("code", -128, 127, outputs * inputs).reshape(outputs, inputs)
    if kind == "corners" and rng.random() < 0.5:
        row[:] = rng.choice([-128, 127])
        matrix[:] = rng.choice([-1, 1] if config.ternary else [-128, 127])
    half = 1 << (config.bias_bits - 1)
    scale = (1 << config.multiplier_bits) - 1
    columns = [
        fill("bias", -half, half - 1, outputs), fill("multiplier", 0, scale, outputs),
        fill("shift", 0, (1 << config.shift_bits) - 1, outputs),
    ]  # fmt: skip
    tiles = -(-outputs // config.outputs_per_cycle)
    streams = {
        "i_job": {"tiles": np.array([tiles])}, "i_x": row_beats(config, row, outputs),
        "i_w": weight_beats(config, matrix), "i_param": param_beats(config, *columns),
    }  # fmt: skip
    if config.ternary:
        del streams["i_job"]
    return streams


def stimulus(config: LinearConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw rows of about ``size`` beats of weights in all."""
    parts, beats = [], 0
    while beats < size:
        parts.append(row_streams(config, rng, kind, *shape(config, rng)))
        beats += len(parts[-1]["i_w"]["last"])
    return {
        port: {name: np.concatenate([part[port][name] for part in parts]) for name in columns}
        for port, columns in parts[0].items()
    }


SMALL = {"inputs_max": 24, "outputs_max": 10}
NARROW = {"bias_bits": 6, "multiplier_bits": 4, "shift_bits": 2, "shift_min": 6, "out_bits": 4}

BENCH = StreamBench(
    config=LinearConfig,
    golden=golden,
    grid=(
        {**SMALL, "inputs_per_cycle": 4, "outputs_per_cycle": 4},
        {**SMALL, "inputs_per_cycle": 3, "outputs_per_cycle": 2, "lanes": 2, "out_bits": 8},
        {**SMALL, "method": "fold", "inputs_per_cycle": 6, "group": 3, "outputs_per_cycle": 4, "lanes": 2},
        {**SMALL, "method": "half", "inputs_per_cycle": 6, "group": 3, "outputs_per_cycle": 2, "lanes": 1},
        {"method": "select", "inputs_per_cycle": 4, "outputs_per_cycle": 3, "lanes": 3, "inputs_max": 4,
         "outputs_max": 7},
    ),
    mutation=(
        {**NARROW, "inputs_per_cycle": 1, "outputs_per_cycle": 2, "inputs_max": 3, "outputs_max": 6},
        {**NARROW, "method": "fold", "group": 2, "inputs_per_cycle": 2, "outputs_per_cycle": 2, "inputs_max": 6,
         "outputs_max": 6},
    ),
    stimulus=stimulus,
    size=120,
)  # fmt: skip
