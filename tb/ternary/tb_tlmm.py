# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the ternary engine."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.tlmm.codes import encode
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.tlmm.golden import golden
from gatewright.tb.harness.bench import StreamBench, draw, draw_corners


def shapes(config: TlmmConfig, rng: np.random.Generator, size: int) -> list[tuple[int, int]]:
    """Draw (blocks, beats of a sweep) for vectors of about ``size`` beats in all.

    One block, one beat, the most of either, and sweeps about as long as a build or the way of a kept sum.
    """
    pace = config.writes + config.way if config.has_tables else config.apart
    found, beats = [], 0
    while beats < size:
        likely = [1, 1, 2, pace - 1, pace, pace + 1, config.sweep_max, int(rng.integers(1, config.sweep_max + 1))]
        sweep = min(max(1, int(rng.choice(likely))), config.sweep_max)
        blocks = int(rng.choice([1, 2, config.blocks_max, int(rng.integers(1, config.blocks_max + 1))]))
        blocks = min(blocks, config.blocks_max, max(1, (size - beats) // sweep))
        found.append((blocks, sweep))
        beats += blocks * sweep
    return found


def stimulus(config: TlmmConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw vectors and matrices; corner data holds whole vectors of least and greatest sums."""
    plan = shapes(config, rng, size)
    sweeps = [sweep for blocks, sweep in plan for _ in range(blocks)]
    acts, weights = config.inputs[0].field("x"), config.inputs[1].field("code")
    x = (draw if kind == "random" else draw_corners)(acts, rng, len(sweeps))
    codes = draw(weights, rng, sum(sweeps))  # undefined ones too
    if kind == "corners":
        trits = rng.integers(-1, 2, (*codes.shape, config.group))
        beat = block = 0
        for number, (blocks, sweep) in enumerate(plan):
            span = slice(beat, beat + blocks * sweep)
            if number % 2 == 0:
                trits[span] = rng.choice([-1, 0, 1], p=[0.4, 0.2, 0.4])
                x[block : block + blocks] = rng.choice([acts.low, acts.high, acts.low, -1], (config.vectors, 1, 1))
            beat, block = span.stop, block + blocks
        codes = encode(config, trits)
    ends = np.concatenate([np.arange(blocks) == blocks - 1 for blocks, _ in plan])
    lasts = np.concatenate([np.arange(sweep) == sweep - 1 for sweep in sweeps])
    return {
        "i_x": {"x": x, "last": ends.astype(np.int64)},
        "i_w": {"code": codes, "last": lasts.astype(np.int64)},
    }


SMALL = {"groups": 2, "outputs_per_cycle": 1, "sweep_max": 5, "blocks_max": 3, "act_bits": 4}
BENCH = StreamBench(
    config=TlmmConfig,
    golden=golden,
    grid=(
        {"method": "half", "groups": 3, "outputs_per_cycle": 2, "sweep_max": 20, "blocks_max": 3,
         "vectors": 2},
        {"method": "half", "group": 2, "groups": 3, "outputs_per_cycle": 1, "act_bits": 16, "overlap": True,
         "sweep_max": 6, "storage": "registers", "vectors": 2},
        {"method": "fold", "group": 4, "groups": 2, "outputs_per_cycle": 2, "sweep_max": 9, "blocks_max": 5,
         "vectors": 2},
        {"method": "select", "group": 1, "groups": 5, "outputs_per_cycle": 1, "sweep_max": 3, "act_bits": 5,
         "vectors": 3},
        {"method": "full", "group": 2, "groups": 1, "outputs_per_cycle": 2, "sweep_max": 7, "blocks_max": 1},
        {"method": "bitplane", "group": 4, "groups": 2, "outputs_per_cycle": 1, "sweep_max": 12, "blocks_max": 4,
         "storage": "block", "vectors": 2},
    ),
    mutation=(
        {"method": "half", "group": 2, **SMALL, "vectors": 2},
        {"method": "fold", "group": 3, **SMALL},
        {"method": "select", "group": 1, **SMALL},
        {"method": "full", "group": 2, **SMALL, "blocks_max": 1},
        {"method": "bitplane", "group": 3, **SMALL, "overlap": True, "storage": "block"},
    ),
    stimulus=stimulus,
    size=100,
)  # fmt: skip
