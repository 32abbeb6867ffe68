# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the skid buffer."""

from gatewright.hw.dataflow.skid.config import SkidConfig
from gatewright.hw.dataflow.skid.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=SkidConfig,
    golden=golden,
    grid=({}, {"width": 1}, {"width": 65}),
    mutation={"width": 4},
)
