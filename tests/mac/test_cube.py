# SPDX-License-Identifier: BSD-2-Clause
"""The cube arrays' configs and golden model, without simulation."""

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.mac.adder_tree.config import AdderTreeConfig
from gatewright.hw.mac.broadcast.config import BroadcastConfig
from gatewright.hw.mac.cube.config import CubeConfig
from gatewright.hw.mac.cube.golden import golden
from gatewright.hw.memory.ping_pong.config import PingPongConfig


def test_golden_equals_elementwise_sums():
    config = CubeConfig(rows=2, cols=3, depth=2, k_max=6)
    rng = np.random.default_rng(1)
    a, b = rng.integers(-128, 128, (3, 2, 2)), rng.integers(-128, 128, (3, 2, 3))
    beats = {"a": a, "b": b, "last": np.array([0, 0, 1])}
    found = golden(config, {"i": beats})["o"]
    for row in range(2):
        for col in range(3):
            terms = [int(a[t, row, d]) * int(b[t, d, col]) for t in range(3) for d in range(2)]
            assert found["sum"][row, col] == sum(terms)
    assert found["last"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("act_signed", "weight_signed", "need"),
    # 9 products of 4-bit operands: extremes 9*64 and -9*56, 9*-120 and 9*105, 9*225.
    [(True, True, 11), (True, False, 12), (False, True, 12), (False, False, 12)],
)
def test_narrowest_accumulator_is_computed_from_the_extremes(act_signed, weight_signed, need):
    config = CubeConfig(
        depth=3, k_max=8, act_bits=4, weight_bits=4, act_signed=act_signed, weight_signed=weight_signed
    )
    low, high = config.product_range
    assert config.sum_bits == need
    assert -(1 << (need - 1)) <= 9 * low
    assert 9 * high < 1 << (need - 1)
    assert 9 * high >= 1 << (need - 2) or 9 * low < -(1 << (need - 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CubeConfig(acc_bits=25), r"cube\.acc_bits must be at least 26 to hold 1024 products .* not 25"),
        (lambda: CubeConfig(rows=0), r"cube\.rows must lie in 1\.\.64, not 0"),
        (lambda: BroadcastConfig(depth=2), r"broadcast\.depth must lie in 1\.\.1, not 2"),
        (lambda: AdderTreeConfig(rows=2), r"adder_tree\.rows must lie in 1\.\.1, not 2"),
        (lambda: CubeConfig(multiplier="fast"), r"cube\.multiplier must be one of plain, booth, dsp, not 'fast'"),
        (lambda: PingPongConfig(depth=0), r"ping_pong\.depth must lie in 1\.\.65536, not 0"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
