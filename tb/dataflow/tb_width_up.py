# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the gathering width converter."""

from gatewright.hw.dataflow.width_up.config import WidthUpConfig
from gatewright.hw.dataflow.width_up.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=WidthUpConfig,
    golden=golden,
    grid=({}, {"factor": 2, "width": 1}, {"factor": 7, "width": 33}),
    mutation={"factor": 3, "width": 4},
)
