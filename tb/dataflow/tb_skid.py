# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the skid buffer."""

from gatewright.hw.dataflow.skid.config import SkidConfig
from gatewright.hw.dataflow.skid.golden import golden
from gatewright.tb.harness.bench import StreamBench

BENCH = StreamBench(
    config=SkidConfig,
    golden=golden,
    grid=({}, {"cuts": "ready"}, {"width": 1}, {"width": 65}, {"width": 65, "cuts": "ready"}),
    mutation=({"width": 4}, {"width": 4, "cuts": "ready"}),
)
