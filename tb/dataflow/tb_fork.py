# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the fork."""

from gatewright.hw.dataflow.fork.config import ForkConfig
from gatewright.hw.dataflow.fork.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=ForkConfig,
    golden=golden,
    grid=({}, {"output_count": 5, "width": 1}, {"output_count": 16, "width": 65}),
    mutation={"output_count": 3, "width": 4},
)
