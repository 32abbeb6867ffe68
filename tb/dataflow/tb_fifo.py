# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the queue."""

from gatewright.hw.dataflow.fifo.config import FifoConfig
from gatewright.hw.dataflow.fifo.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=FifoConfig,
    golden=golden,
    grid=(
        {},
        {"depth": 2, "width": 1},
        {"depth": 3, "storage": "memory"},
        {"depth": 37, "width": 70, "storage": "memory"},
    ),
    mutation={"depth": 3, "width": 4},
)
