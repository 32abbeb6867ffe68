# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the spreading width converter."""

from gatewright.hw.dataflow.width_down.config import WidthDownConfig
from gatewright.hw.dataflow.width_down.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=WidthDownConfig,
    golden=golden,
    grid=({}, {"factor": 2, "width": 1}, {"factor": 7, "width": 33}),
    mutation={"factor": 3, "width": 4},
)
