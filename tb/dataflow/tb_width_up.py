# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the gathering width converter."""

import numpy as np

from gatewright.hw.dataflow.width_up.config import WidthUpConfig
from gatewright.hw.dataflow.width_up.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, default_stimulus


def stimulus(config: WidthUpConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Make the first packet fill at least a word: the promised latency is that of a full word."""
    inputs = default_stimulus(config, rng, kind, size + config.factor)
    inputs["i"]["last"][: config.factor - 1] = 0
    return inputs


BENCH = StreamBench(
    config=WidthUpConfig,
    golden=golden,
    grid=({}, {"factor": 2, "width": 1}, {"factor": 7, "width": 33}),
    mutation={"factor": 3, "width": 4},
    stimulus=stimulus,
)
