# SPDX-License-Identifier: BSD-2-Clause
"""The golden language model: steps, prefill and a plain model of the rooms' goldens agree, near the real numbers."""

from dataclasses import replace

import numpy as np
import pytest
from tests.model.lm_slow import Slow, norm_row

from gatewright.gen.model.import_lm import quantise
from gatewright.gen.model.lm_float import calibrated, float_bits_per_byte, float_logits
from gatewright.gen.model.lm_golden import fresh_state, prefill, step
from gatewright.gen.model.lm_graph import Scale
from gatewright.gen.model.lm_random import random_graph, random_model, random_tokens
from gatewright.gen.model.lm_rows import causal_softmax_rows, norm_rows_dynamic, rescaled
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_text import (
    bits_per_byte,
    continued,
    first_difference,
    generate,
    greedy,
    is_full,
    sample,
)
from gatewright.gen.model.vit_rows import softmax_rows
from gatewright.hw.core.errors import ModelError
from gatewright.hw.nonlinear.norm.config import NormConfig

TRANSFORMER = {
    "family": "transformer", "vocab": 24, "dim": 16, "layers": 2, "heads": 4, "kv_heads": 2, "head_dim": 6, "ff": 20,
    "context": 9,
}  # fmt: skip
MLGRU = {"family": "mlgru", "vocab": 24, "dim": 16, "layers": 3, "ff": 20, "context": 9}


def size(**changes):
    return LmGeometry(**((MLGRU if changes.get("family") == "mlgru" else TRANSFORMER) | changes))


CASES = {
    "plain": {"geometry": size()},
    "multi-head": {"geometry": size(kv_heads=4)},
    "multi-query": {"geometry": size(heads=3, kv_heads=1, layers=1)},
    "tied": {"geometry": size(), "head": "tied"},
    "silu": {"geometry": size(head_dim=4), "gate": "silu"},
    "dynamic": {"geometry": size(), "act": "dynamic"},
    "widths": {"geometry": size(), "widths": {"score_bits": 9, "probability_bits": 8, "gate_bits": 8, "up_bits": 8}},
    "mlgru": {"geometry": size(family="mlgru"), "gate": "silu"},
    "mlgru dynamic": {"geometry": size(family="mlgru"), "gate": "silu", "act": "dynamic", "head": "tied"},
}


@pytest.fixture(params=CASES)
def graph(request):
    return random_graph(np.random.default_rng(len(request.param)), **CASES[request.param])


def test_golden_equals_the_rooms_one_by_one(graph):
    tokens = random_tokens(np.random.default_rng(0), graph, graph.geometry.context)
    slow, state = Slow(graph), fresh_state(graph)
    for token in tokens.tolist():
        assert step(graph, state, token).tolist() == slow.step(token)
    assert state.position == slow.position
    if graph.geometry.family == "transformer":
        assert state.keys.tolist() == slow.keys
        assert state.values.tolist() == slow.values
    else:
        assert state.hidden.tolist() == slow.hidden


def test_prefill_and_steps_leave_the_same_state_logits_and_stages(graph):
    tokens = random_tokens(np.random.default_rng(1), graph, graph.geometry.context)
    whole, state = {}, fresh_state(graph)
    after, logits = prefill(graph, tokens, stages=whole)
    for position, token in enumerate(tokens.tolist()):
        one = {}
        np.testing.assert_array_equal(step(graph, state, token, one), logits[position])
        assert list(one) == list(whole)
        part = {name: value[position] for name, value in whole.items()}
        for name, value in one.items():
            if name.endswith(("score", "probability")):
                assert not part[name][:, position + 1 :].any()
                part[name] = part[name][:, : value.shape[-1]]
        assert first_difference(one, part) is None
    assert after.differs(state) is None


def test_prefill_goes_on_from_any_state(graph):
    tokens = random_tokens(np.random.default_rng(2), graph, graph.geometry.context)
    want, logits = prefill(graph, tokens)
    for cut in (1, 4, 8):
        first, before = prefill(graph, tokens[:cut])
        kept = first.copy()
        found, behind = prefill(graph, tokens[cut:], first)
        assert found.differs(want) is None
        np.testing.assert_array_equal(np.concatenate([before, behind]), logits)
        assert first.differs(kept) is None  # prefill leaves the state that it is given


def test_copies_of_a_state_part_ways():
    graph = random_graph(np.random.default_rng(0), size())
    first, _ = prefill(graph, [1, 2, 3])
    second = first.copy()
    step(graph, first, 4)
    assert first.differs(second) == "position"
    step(graph, second, 5)
    assert first.differs(second) == "keys"
    with pytest.raises(ModelError, match="context must hold at most 9 tokens, not 12"):
        prefill(graph, [0] * 8, first)


def test_a_full_context_ends_a_transformer_with_one_line():
    graph = random_graph(np.random.default_rng(0), size())
    state, _ = prefill(graph, [3] * 9)
    assert is_full(graph, state)
    before = state.copy()
    with pytest.raises(ModelError, match=r"^random: context must hold at most 9 tokens, not 10; start anew"):
        step(graph, state, 0)
    assert state.differs(before) is None
    assert len(generate(graph, [1, 2], 8)) == 8  # the last is given, not taken
    with pytest.raises(ModelError, match="context must hold at most 9 tokens"):
        generate(graph, [1, 2], 9)


def test_wrap_starts_anew_with_the_latest_half():
    graph = random_graph(np.random.default_rng(0), size())
    found, fed, state, logits = generate(graph, [1, 2], 20, wrap=True), [1, 2], *prefill(graph, [1, 2])
    logits = logits[-1]
    for token in found:
        assert token == greedy(logits)
        fed.append(token)
        if state.position == 9:
            state, several = prefill(graph, fed[-4:])
            logits = several[-1]
        else:
            logits = step(graph, state, token)


def test_a_recurrent_model_has_no_end():
    graph = random_graph(np.random.default_rng(0), size(family="mlgru"), "silu")
    assert len(generate(graph, [1], 30)) == 30
    assert not is_full(graph, fresh_state(graph))


def test_samples_follow_the_temperature():
    graph, rng = random_graph(np.random.default_rng(0), size()), np.random.default_rng(1)
    logits = np.zeros(24, np.int64)
    logits[[5, 7]] = round(1 / graph.logit_step)
    assert sample(graph, logits, 0, rng) == greedy(logits) == 5  # ties to the lowest
    drawn = np.bincount([sample(graph, logits, 0.5, rng) for _ in range(4000)], minlength=24) / 4000
    real = np.exp(logits * graph.logit_step / 0.5)
    np.testing.assert_allclose(drawn, real / real.sum(), atol=0.03)
    with pytest.raises(ModelError, match="temperature must be 0 or more and finite, not -1"):
        sample(graph, logits, -1, rng)
    first, second = (continued(graph, [3], 1.0, np.random.default_rng(5)) for _ in range(2))
    assert [next(first)[0] for _ in range(6)] == [next(second)[0] for _ in range(6)]


def test_bits_per_byte_of_nothing_known_are_those_of_the_alphabet():
    graph = random_graph(np.random.default_rng(0), size(vocab=16))
    flat = replace(graph, logit_step=0.0)
    assert bits_per_byte(flat, np.arange(16)) == pytest.approx(4.0)
    with pytest.raises(ModelError, match="text must hold at least 2 tokens, not 1"):
        bits_per_byte(flat, [1])


def test_differences_are_found_in_order():
    first = {"a": np.arange(6).reshape(2, 3), "b": np.zeros(2, int)}
    second = {"b": np.ones(2, int), "a": np.arange(6).reshape(2, 3)}
    assert first_difference(first, first) is None
    assert str(first_difference(first, second)) == "b[0]: 0 and 1"
    second["a"][1, 2] = 9
    found = first_difference(first, second)
    assert (found.stage, found.index, found.first, found.second) == ("a", (1, 2), 5, 9)
    with pytest.raises(ModelError, match=r"stage a must have one shape, not \(2, 3\) and \(3,\)"):
        first_difference(first, {"a": np.arange(3)})
    with pytest.raises(ModelError, match="stages must have a name in common"):
        first_difference(first, {})


def test_a_changed_weight_shows_in_its_own_layer():
    rng = np.random.default_rng(0)
    config, tensors = random_model(rng, size())
    name = "model.layers.1.mlp.up_proj.weight"
    codes = -tensors[name].codes
    changed = tensors | {name: type(tensors[name])(codes, tensors[name].step)}
    first, second = {}, {}
    prefill(quantise(config, tensors), [1, 2, 3], stages=first)
    prefill(quantise(config, changed), [1, 2, 3], stages=second)
    assert first_difference(first, second).stage == "1.up"


@pytest.mark.parametrize("act", ["static", "dynamic"])
@pytest.mark.parametrize("family", ["transformer", "mlgru"])
def test_integers_follow_the_real_numbers(family, act):
    rng = np.random.default_rng(4)
    shape = {"dim": 48, "ff": 64, "context": 40, "vocab": 64}
    if family == "transformer":
        shape["head_dim"] = 16
    config, tensors = random_model(rng, size(family=family, **shape), "silu" if family == "mlgru" else "relu2", act=act)
    graph = quantise(config, tensors)
    tokens = random_tokens(rng, graph, 40)
    real, found = float_logits(config, tensors, tokens), prefill(graph, tokens)[1] * graph.logit_step
    assert np.sqrt(np.mean((real - found) ** 2)) < 0.15 * real.std()
    assert np.mean(real.argmax(axis=1) == found.argmax(axis=1)) > 0.7
    wanted = float_bits_per_byte(config, tensors, tokens)
    assert bits_per_byte(graph, tokens) == pytest.approx(wanted, rel=0.03)


@pytest.mark.parametrize("family", ["transformer", "mlgru"])
def test_calibrated_steps_hold_a_model_of_any_magnitude(family):
    rng = np.random.default_rng(6)
    shape = {"dim": 48, "ff": 64, "context": 40, "vocab": 64}
    config, tensors = random_model(
        rng, size(family=family, **shape), "silu" if family == "mlgru" else "relu2", act="dynamic"
    )
    for name in tensors:  # what the fixed steps do not hold
        if name.endswith(("input_layernorm.weight", "post_attention_layernorm.weight")):
            tensors[name] = tensors[name] * np.float32(5)
    tokens = random_tokens(rng, quantise(config, tensors), 40)
    real = float_logits(config, tensors, tokens)

    def error(used):
        graph = quantise(used, tensors)
        return np.sqrt(np.mean((real - prefill(graph, tokens)[1] * graph.logit_step) ** 2)) / real.std()

    found, before = error(calibrated(config, tensors, [tokens])), error(config)
    assert found < 0.25 < before


def test_random_graphs_are_lively():
    rng = np.random.default_rng(5)
    for family, gate in (("transformer", "relu2"), ("mlgru", "silu")):
        graph = random_graph(rng, size(family=family, dim=48, ff=64, context=40, vocab=64), gate)
        stages = {}
        prefill(graph, random_tokens(rng, graph, 40), stages=stages)
        for name, value in stages.items():
            if name.split(".")[-1] in ("norm1", "q", "k", "v", "mixer_norm", "norm2", "ffn_norm", "norm", "state_norm"):
                assert value.std() > 8, name
                assert np.mean(np.abs(value) >= 127) < 0.03, name


@pytest.mark.parametrize("elements", [2, 6, 64, 192])
def test_dynamic_norm_rows_equal_the_room(elements):
    rng = np.random.default_rng(elements)
    config = NormConfig(
        output="dynamic", lanes=1, elements=elements, in_bits=16, weight_bits=12, weight_fraction=4, epsilon=7
    )
    x = rng.integers(-32768, 32768, (60, elements)) * rng.choice([1, 3, 100, 5000, 32767], (60, 1)) // 32768
    x[:4] = np.array([0, 1, -32768, 32767])[:, np.newaxis]
    gain = rng.integers(-2048, 2048, elements)
    q, scale = norm_rows_dynamic(config, x, gain)
    for row, codes, most in zip(x.tolist(), q.tolist(), scale.ravel().tolist(), strict=True):
        assert norm_row(config, gain, row) == (codes, most)


def test_causal_softmax_equals_the_plain_one_on_what_counts():
    rng = np.random.default_rng(0)
    config = random_graph(rng, size()).softmax_config
    score = rng.integers(-2048, 2048, (50, 9)) // rng.integers(1, 30, (50, 1))
    limit = rng.integers(1, 10, 50)
    found = causal_softmax_rows(config, score, limit)
    for row, p, count in zip(score, found, limit.tolist(), strict=True):
        assert p[:count].tolist() == softmax_rows(config, row[:count]).tolist()
        assert not p[count:].any()


def test_wide_products_are_rescaled_exactly():
    rng = np.random.default_rng(0)
    for bits, shift in ((30, 70), (12, 40), (3, 79)):
        acc = rng.integers(-(1 << 20), 1 << 20, (5, 4))
        row = rng.integers(0, 1 << bits, (5, 1))
        scale = Scale(65535, shift)
        want = [
            [max(-32768, min(32767, (a * r[0] * 65535 + (1 << (shift - 1))) >> shift)) for a in line]
            for line, r in zip(acc.tolist(), row.tolist(), strict=True)
        ]
        assert rescaled(scale, acc, 16, row).tolist() == want


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([], "tokens must be a list of integers, at least one"),
        ([0.5], "tokens must be a list of integers, at least one"),
        ([[1]], "tokens must be a list of integers, at least one"),
        ([3, 24], r"tokens must lie in 0\.\.23, not 24"),
        ([-1], r"tokens must lie in 0\.\.23, not -1"),
    ],
)
def test_wrong_tokens_are_refused(tokens, message):
    with pytest.raises(ModelError, match=f"^random: {message}$"):
        prefill(random_graph(np.random.default_rng(0), size()), tokens)
