# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the gathering width converter."""

from gatewright.hw.dataflow.width_up.config import WidthUpConfig
from gatewright.hw.dataflow.width_up.golden import golden
from gatewright.tb.harness.bench import StreamBench

_CLEAR = "the last element may be cleared at any earlier beat of its word too: nobody has loaded it yet"

BENCH = StreamBench(
    config=WidthUpConfig,
    golden=golden,
    grid=({}, {"factor": 2, "width": 1}, {"factor": 7, "width": 33}),
    mutation={"factor": 3, "width": 4},
    equivalent={
        "const1 _01_[0] at S[0] in `wire _01_;`": _CLEAR,
        "const1 _01_[0] at Y[0] in `wire _01_;`": _CLEAR,
        "const0 $logic_not$gatewright_width_up_mutants.v:72$13[0] at A[0] in `assign _01_ = ! filled;`": _CLEAR,
    },
)
