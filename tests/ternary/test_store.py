# SPDX-License-Identifier: BSD-2-Clause
"""The weight store planner: TeLLMe's figures, and plans checked by counting."""

import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.store import KINDS, groups_for_width, plan_store, words_of


def test_two_cascaded_urams_feed_28_groups_as_published():
    # 144 bits hold 28 codes of 5 bits; the ceiling that the paper prints would need 145.
    assert groups_for_width(KINDS["URAM"], 2, 5) == 28
    assert 29 * 5 > 144


def test_published_weight_buffer_is_reproduced():
    # TeLLMe's equation for Q = 4: (Y/Q) * ceil(X/(G*T)) / 4096 * c * Q/2 blocks, all two-port.
    words = words_of(4096, 1536, 3, 28, 2)  # two vectors per port pair: Q/2 = 2 partitions of 2
    plan = plan_store(KINDS["URAM"], [(4096, 1536)], group=3, groups=28, outputs_per_cycle=2, code_bits=5)
    assert plan.words == words == 49 * 768
    assert (plan.columns, plan.rows) == (4, 10)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(("k", "n", "groups", "q"), [(24, 16, 8, 4), (100, 37, 5, 3), (1536, 1536, 8, 22)])
def test_plan_holds_every_word_and_no_smaller_one_does(name, k, n, groups, q):
    kind = KINDS[name]
    plan = plan_store(kind, [(k, n)], group=3, groups=groups, outputs_per_cycle=q, code_bits=5)
    width, depth = plan.mode
    assert plan.columns * width >= plan.word_bits > (plan.columns - 1) * width
    assert plan.rows * depth >= plan.words > (plan.rows - 1) * depth
    assert 0 < plan.fill <= 1
    for other_width, other_depth in kind.modes:
        assert plan.blocks <= -(-plan.word_bits // other_width) * -(-plan.words // other_depth)


def test_a_million_weights_fit_the_ecp5_85f_at_1_8_bits():
    plan = plan_store(
        KINDS["EBR"], [(1008, 1056)], group=3, groups=8, outputs_per_cycle=22, code_bits=5, available=208
    )
    assert plan.weights > 1_000_000
    assert plan.bits_per_weight < 1.8


def test_too_few_blocks_are_refused_in_one_line():
    with pytest.raises(ConfigError, match=r"weights need \d+ SPRAM and the device has 4; choose a smaller matrix"):
        plan_store(
            KINDS["SPRAM"], [(2048, 2048)], group=3, groups=4, outputs_per_cycle=3, code_bits=5, available=4
        )
