# SPDX-License-Identifier: BSD-2-Clause
"""Language models laid out for the core: its golden model and the integer graph's, written apart, agree."""

import pickle
import re

import numpy as np
import pytest

from gatewright.gen.model.lm_golden import fresh_state, step
from gatewright.gen.model.lm_random import random_graph, random_tokens
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_text import generate
from gatewright.gen.model.map_ternary_lm import Settings, core_values, digits, paired
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.golden import Model, serve
from gatewright.hw.accel.lm_core.talk import LOGITS, START
from gatewright.hw.core.errors import ConfigError

SHAPES = {
    "transformer": LmGeometry(
        family="transformer", vocab=32, dim=16, layers=2, ff=24, context=12, heads=4, kv_heads=2, head_dim=8
    ),
    "mlgru": LmGeometry(family="mlgru", vocab=23, dim=16, layers=2, ff=24, context=12),
}
HARDWARE = {
    "inputs_per_cycle": 16, "outputs_per_cycle": 4, "group": 2, "parallel": 1, "logic_products": 0,
    "request_tokens": 4,
}  # fmt: skip


def made(family, act="static", seed=3, head="untied", **settings):
    gate = "relu2" if family == "transformer" else "silu"
    graph = random_graph(np.random.default_rng(seed), SHAPES[family], gate=gate, act=act, head=head)
    return graph, LmCoreConfig(**core_values(Settings(**HARDWARE | settings), graph))


@pytest.mark.parametrize("act", ["static", "dynamic"])
@pytest.mark.parametrize("family", list(SHAPES))
@pytest.mark.parametrize("settings", [{}, {"outputs_per_cycle": 8, "packing": "engine"}, {"method": "select"}])
def test_core_and_graph_agree_on_every_logit(family, act, settings):
    graph, config = made(family, act, **settings)
    model, state = Model(config), fresh_state(graph)
    for token in random_tokens(np.random.default_rng(1), graph, 10).tolist():
        model.token(token, True)
        np.testing.assert_array_equal(model.logits, step(graph, state, token))


@pytest.mark.parametrize("family", list(SHAPES))
def test_what_the_core_generates_is_what_the_graph_generates(family):
    graph, config = made(family)
    prompt, wanted = [5, 3, 2], 6
    found = serve(Model(config), [START | LOGITS, len(prompt), wanted, *prompt, 0])
    assert found.tokens == generate(graph, prompt, wanted)
    assert found.positions == list(range(len(prompt) + wanted - 1))
    assert found.heads == [False] * (len(prompt) - 1) + [True] * wanted


def test_a_request_without_tokens_goes_on():
    _, config = made("transformer")
    whole, parts = Model(config), Model(config)
    wanted = serve(whole, [START, 2, 6, 7, 8, 0, 0]).tokens
    found = []
    for flags, count in ((START, 2), (0, 0), (0, 0)):
        found += serve(parts, [flags, count, 2, 7, 8, 0, 0]).tokens
    assert found == wanted


def test_a_full_cache_takes_no_token():
    _, config = made("transformer")
    model = Model(config)
    found = serve(model, [START, 3, 20, 1, 2, 3, 0])
    assert len(found.tokens) == config.context - 3 + 1
    assert found.positions[-1] == config.context - 1
    assert serve(model, [0, 1, 1, 9, 0, 0, 0]).positions == []
    assert serve(model, [START, 1, 1, 9, 0, 0, 0]).positions == [0]


def test_a_config_whose_cycles_were_counted_is_pickled_to_the_same_bytes():
    # A build recognises by them that it checked a netlist.
    core = made("transformer")[1]
    fresh = pickle.dumps(core)
    cycles = core.token_cycles(3)
    assert pickle.dumps(core) == fresh
    assert pickle.loads(fresh).token_cycles(3) == cycles


def test_pairs_that_rotate_together_lie_side_by_side():
    np.testing.assert_array_equal(paired(8, 4), [0, 2, 1, 3, 4, 6, 5, 7])


@pytest.mark.parametrize("family", list(SHAPES))
def test_a_head_of_octets_goes_through_the_same_engine_digit_by_digit(family):
    graph, config = made(family, head="tied")
    assert np.abs(graph.head).max() > 13  # three digits are too few
    assert config.head_digits == 6
    model, state = Model(config), fresh_state(graph)
    for token in random_tokens(np.random.default_rng(2), graph, 5).tolist():
        model.token(token, True)
        np.testing.assert_array_equal(model.logits, step(graph, state, token))


def test_digits_are_those_of_the_number():
    head = np.arange(-128, 128, dtype=np.int8).reshape(-1, 1)
    found = digits(head, 8).reshape(-1, 6, 8).astype(int)
    assert np.abs(found).max() == 1
    np.testing.assert_array_equal((found * 3 ** np.arange(6)[::-1, np.newaxis]).sum(axis=1).ravel(), head.ravel())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"context": 13}, "ternary_lm.context must be at most 12, the context of random, not 13"),
        ({"group": 3}, "ternary_lm.group must divide inputs_per_cycle = 16, not 3"),
        ({"outputs_per_cycle": 16}, "lm_core.hidden must be a multiple of outputs_per_cycle = 16, not 24"),
        ({"parallel": 4}, "kv_attention.parallel must divide heads / kv_heads = 2, not be 4"),
    ],
)
def test_refusals(settings, line):
    with pytest.raises(ConfigError, match=f"^{re.escape(line)}"):
        made("transformer", **settings)
