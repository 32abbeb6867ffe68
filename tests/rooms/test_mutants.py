# SPDX-License-Identifier: BSD-2-Clause
"""Benches of the arithmetic rooms notice injected faults."""

import pytest

from gatewright.gen.mutants import PASS, score_room
from gatewright.gen.registry import find_room

QUICK = ("requantise", "dequantise", "pe", "systolic_os", "systolic_ws", "cube", "broadcast", "adder_tree")
# Many variants, or survivors whose proofs take minutes.
LONG = (
    "divide", "function", "activation", "gated", "softmax", "norm", "quantise_rows", "trit_decode", "trit_encode",
    "tlmm",
)  # fmt: skip


def check(name, folder, count):
    for score in score_room(find_room(name), folder, count, 7):
        assert score.total == count
        assert score.score >= PASS, (score.parameters, score.survivors)


@pytest.mark.parametrize("name", QUICK)
def test_bench_notices_at_least_95_percent_of_injected_faults(name, tmp_path):
    check(name, tmp_path, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_bench_notices_at_least_95_percent_of_faults_in_every_variant(name, tmp_path):
    check(name, tmp_path, 100)
