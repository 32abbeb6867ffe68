# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the ternary matrix-vector unit."""

import numpy as np

from gatewright.hw.core.ports import Beats, PayloadField
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig
from gatewright.hw.ternary.ternary_matvec.golden import golden
from gatewright.hw.ternary.ternary_matvec.words import act_beats, weight_beats
from gatewright.tb.harness.bench import StreamBench, draw, draw_corners

Parts = dict[str, list[np.ndarray]]


def shapes(config: TernaryMatvecConfig, rng: np.random.Generator, size: int) -> list[tuple[int, int]]:
    """Draw (inputs, outputs) of products of about ``size`` beats of weights in all: 1, the most, and around blocks."""
    found, beats = [], 0
    while beats < size:
        around = [1, config.block, config.block + 1, config.block * config.scale_blocks, config.inputs_max]
        inputs = min(max(1, int(rng.choice([*around, int(rng.integers(1, config.inputs_max + 1))]))), config.inputs_max)
        step = config.outputs_per_cycle
        about = [1, step, step + 1, 2 * step, config.outputs_max, int(rng.integers(1, config.outputs_max + 1))]
        outputs = int(rng.choice(about))
        found.append((inputs, min(outputs, config.outputs_max)))
        beats += -(-inputs // config.block) * -(-outputs // step)
    return found


def stimulus(config: TernaryMatvecConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw products; corner data holds sums at both ends. Code words may be undefined ones in random data."""

    def pick(item: PayloadField, rng: np.random.Generator, count: int) -> np.ndarray:
        # Corners start with whole beats of each in turn; a few values are to come from all of them.
        return draw(item, rng, count) if kind == "random" else draw_corners(item, rng, count + 40)[-count:]

    acts = config.inputs[0].field("x")
    parts: dict[str, Parts] = {port.name: {} for port in config.inputs}
    for number, (inputs, outputs) in enumerate(shapes(config, rng, size)):
        x = np.moveaxis(pick(acts, rng, inputs).reshape(inputs, config.vectors, config.lanes)[..., 0], 0, 1)
        matrix = rng.integers(-1, 2, (outputs, inputs))
        if kind == "corners" and number % 2 == 0:
            x = np.full((config.vectors, inputs), rng.choice([acts.low, acts.high]))
            matrix[:] = rng.choice([-1, 1])
        weights = weight_beats(config, matrix)
        if kind == "random":
            odd = rng.random(weights["code"].shape) < 0.1
            weights["code"] = np.where(odd, draw(config.inputs[1].field("code"), rng, len(odd)), weights["code"])
        _add(parts["i_x"], act_beats(config, x))
        _add(parts["i_w"], weights)
        blocks, beats = -(-inputs // config.block), -(-outputs // config.outputs_per_cycle)
        if config.scale_blocks:
            groups = -(-blocks // config.scale_blocks)
            scale = pick(config.inputs[2].field("scale"), rng, groups * beats)
            _add(parts["i_group"], {"scale": scale, "final": np.repeat(np.arange(groups) == groups - 1, beats)})
        if config.output == "dequantised":
            count = 1 if config.dequantise.scope == "tensor" else beats
            _add(parts["i_scale"], {item.name: pick(item, rng, count) for item in config.inputs[-1].fields})
    return {
        port: {name: np.concatenate(values).astype(np.int64) for name, values in columns.items()}
        for port, columns in parts.items()
    }


def _add(columns: Parts, beats: Beats) -> None:
    for name, value in beats.items():
        columns.setdefault(name, []).append(value)


DEQUANTISE = {"scale_bits": 5, "multiplier_bits": 4, "shift_min": 9, "out_bits": 8}
TINY = {"groups": 1, "outputs_per_cycle": 1, "act_bits": 4, "inputs_max": 9, "outputs_max": 4}
BENCH = StreamBench(
    config=TernaryMatvecConfig,
    golden=golden,
    grid=(
        {"method": "half", "groups": 2, "outputs_per_cycle": 3, "vectors": 2, "lanes": 2, "inputs_max": 50,
         "outputs_max": 70},
        {"method": "fold", "group": 3, "groups": 2, "outputs_per_cycle": 2, "lanes": 6, "inputs_max": 64,
         "outputs_max": 12, "packing": "base3_g5", "output": "dequantised", "dequantise": DEQUANTISE},
        {"method": "half", "group": 2, "groups": 3, "outputs_per_cycle": 2, "lanes": 1, "inputs_max": 40,
         "outputs_max": 9, "scale_blocks": 2, "overlap": True, "act_bits": 5, "direct_input": False},
        {"method": "select", "group": 1, "groups": 4, "outputs_per_cycle": 1, "lanes": 4, "inputs_max": 4,
         "outputs_max": 5, "output": "dequantised", "dequantise": {**DEQUANTISE, "scope": "channel", "shift_bits": 2}},
        {"method": "bitplane", "group": 4, "groups": 1, "outputs_per_cycle": 2, "vectors": 2, "lanes": 2,
         "inputs_max": 30, "outputs_max": 8, "scale_blocks": 1, "scale_bits": 3, "output": "dequantised",
         "dequantise": DEQUANTISE},
    ),
    mutation=(
        {**TINY, "method": "half", "group": 3, "lanes": 1, "direct_input": False},
        {**TINY, "method": "fold", "group": 2, "lanes": 1, "inputs_max": 6, "packing": "base3_g2", "scale_blocks": 1,
         "scale_bits": 2},
        {**TINY, "method": "select", "group": 1, "lanes": 1, "inputs_max": 3, "scale_blocks": 2, "scale_bits": 1,
         "output": "dequantised", "dequantise": {"scale_bits": 2, "multiplier_bits": 2, "shift_min": 4, "out_bits": 3}},
    ),
    stimulus=stimulus,
    size=100,
)  # fmt: skip
