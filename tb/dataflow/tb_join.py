# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the join."""

from gatewright.hw.dataflow.join.config import JoinConfig
from gatewright.hw.dataflow.join.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=JoinConfig,
    golden=golden,
    grid=({}, {"widths": (1, 64, 7)}, {"widths": tuple(range(1, 17))}),
    mutation={"widths": (3, 4)},
)
