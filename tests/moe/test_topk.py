# SPDX-License-Identifier: BSD-2-Clause
"""The selection's golden model against a sort of Python's, row by row; its timing; its config."""

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import packets
from gatewright.hw.moe.topk.config import TopkConfig
from gatewright.hw.moe.topk.golden import golden
from gatewright.tb.moe.tb_topk import BENCH, stimulus


@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations, {}], ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_a_stable_sort_of_every_row(values, kind):
    config = TopkConfig(**values)
    inputs = stimulus(config, np.random.default_rng(3), kind, 300)
    beats, found = inputs["i"], golden(config, inputs)["o"]
    expected = []
    for row in packets(beats):
        scores, tags = beats["score"][row].tolist(), beats.get("tag", beats["last"])[row].tolist()
        chosen = sorted(range(len(scores)), key=lambda place: -scores[place])[: config.k]
        expected += [(scores[p], p, tags[p] if config.tag_bits else 0, p == chosen[-1]) for p in chosen]
    tag = found.get("tag", np.zeros_like(found["id"]))
    assert list(zip(found["score"], found["id"], tag, found["last"], strict=True)) == expected


def test_ties_keep_the_lower_id_in_front():
    config = TopkConfig(k=3, candidates_max=5)
    score = np.array([1, 7, 7, 1, 7, -128, -128])
    found = golden(config, {"i": {"score": score, "last": np.array([0, 0, 0, 0, 1, 0, 1])}})["o"]
    assert found["id"].tolist() == [1, 2, 4, 0, 1]
    assert found["last"].tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize("k", [1, 3, 8])
def test_rows_of_k_candidates_or_more_follow_without_a_bubble(k):
    config = TopkConfig(k=k, candidates_max=16)
    for length in (k, k + 1, 16):
        last = np.tile(np.arange(length) == length - 1, 10).astype(np.int64)
        inputs = {"i": {"score": np.zeros(len(last), np.int64), "last": last}}
        assert config.cycles(inputs) == 10 * length + k + 1
        assert config.delay(inputs) == length + 1


REFUSED = [
    ({"k": 9}, "topk.k must lie in 1..8, not 9"),
    ({"k": 3, "candidates_max": 2}, "topk.k must be at most candidates_max, not 3"),
    ({"candidates_max": 65}, "topk.candidates_max must lie in 1..64, not 65"),
    ({"score_bits": 1}, "topk.score_bits must lie in 2..32, not 1"),
    ({"tag_bits": 33}, "topk.tag_bits must lie in 0..32, not 33"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        TopkConfig(**values)
    assert str(caught.value) == line
