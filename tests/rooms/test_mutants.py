# SPDX-License-Identifier: BSD-2-Clause
"""Benches of the arithmetic rooms notice injected faults."""

import pytest

from gatewright.gen.mutants import score_room
from gatewright.gen.registry import find_room

ARITHMETIC = ("requantise", "pe", "systolic_os", "systolic_ws", "cube", "broadcast", "adder_tree")


@pytest.mark.parametrize("name", ARITHMETIC)
def test_bench_notices_at_least_95_percent_of_injected_faults(name, tmp_path):
    for score in score_room(find_room(name), tmp_path, 40, 7):
        assert score.total == 40
        assert score.score >= 0.95, score.survivors
