# SPDX-License-Identifier: BSD-2-Clause
"""Causal attention over a cache: its golden model beside the language model's and float64, blocks, timing, config."""

from itertools import pairwise

import numpy as np
import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.gen.model.lm_golden import fresh_state, step
from gatewright.gen.model.lm_random import random_graph, random_tokens
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.golden import golden
from gatewright.hw.attention.kv_attention.timing import play
from gatewright.hw.core.errors import ConfigError
from gatewright.tb.attention.tb_kv_attention import BENCH, stimulus
from gatewright.tb.fast.streams import StreamModel


def jobs_of(config, places, q, k, v, scales):
    """Give jobs: places (layer, position), rows of each, scales (multiplier and shift, of scores and of results)."""
    layer, position = np.array(places).T
    inputs = {"i_job": {"layer": layer, "position": position}}
    for name, scale in zip(("score", "out"), np.array(scales).swapaxes(0, 1), strict=True):
        inputs["i_job"] |= {f"{name}_multiplier": scale[:, 0], f"{name}_shift": scale[:, 1] - config.shift_min}
    for port, rows in zip(("i_q", "i_k", "i_v"), (q, k, v), strict=True):
        x = np.array(rows)
        beats = x.shape[1] // config.lanes
        x = x.reshape(-1, config.lanes)
        inputs[port] = {"x": x, "last": (np.arange(len(x)) % beats == beats - 1).astype(np.int64)}
    return inputs


@pytest.mark.parametrize("shape", [(4, 2, 6), (3, 1, 8), (2, 2, 4)], ids=str)
@pytest.mark.parametrize("widths", [{}, {"score_bits": 9, "probability_bits": 8}], ids=str)
def test_results_are_those_of_the_language_model(shape, widths):
    heads, kv_heads, head_dim = shape
    geometry = LmGeometry(
        family="transformer", vocab=24, dim=16, layers=2, ff=20, context=9, heads=heads, kv_heads=kv_heads,
        head_dim=head_dim,
    )  # fmt: skip
    graph = random_graph(np.random.default_rng(heads), geometry, widths=widths)
    form = graph.formats
    config = KvAttentionConfig(
        heads=heads, kv_heads=kv_heads, head_dim=head_dim, layers=2, context=9, lanes=2, parallel=1,
        score_fraction=form.score_fraction, **{"score_bits": 12, "probability_bits": 12} | widths,
    )  # fmt: skip
    state, places, scales = fresh_state(graph), [], []
    rows = {name: [] for name in ("q", "k", "v", "attention")}
    for position, token in enumerate(random_tokens(np.random.default_rng(1), graph, 9).tolist()):
        stages = {}
        step(graph, state, token, stages)
        for layer, block in enumerate(graph.blocks):
            places.append((layer, position))
            pair = block.mixer.score, block.mixer.out
            scales.append([(scale.multiplier, scale.shift) for scale in pair])
            for name, found in rows.items():
                found.append(stages[f"{layer}.{name}"])
    inputs = jobs_of(config, places, rows["q"], rows["k"], rows["v"], scales)
    y = golden(config, inputs)["o"]["y"].reshape(len(places), -1)
    np.testing.assert_array_equal(y, np.array(rows["attention"]))
    assert len(np.unique(y)) > 20


def test_results_are_those_of_real_attention():
    config = KvAttentionConfig(layers=1, context=64)
    rng = np.random.default_rng(3)
    q = np.clip(np.rint(rng.normal(0, 30, (64, 128))), -128, 127).astype(np.int64)
    k, v = np.clip(np.rint(rng.normal(0, 30, (2, 64, 32))), -128, 127).astype(np.int64)
    scales = [[(1 << 15, 15 + 8), (1 << 14, 14 + 12 - 6)]] * 64  # results in units of 1/64
    y = golden(config, jobs_of(config, [(0, at) for at in range(64)], q, k, v, scales))["o"]["y"].reshape(64, 4, 32)
    score = np.einsum("qhd,kd->qhk", q.reshape(64, 4, 32), k) / 2.0 ** (8 + config.score_fraction)
    score[np.broadcast_to(np.arange(64) > np.arange(64)[:, np.newaxis, np.newaxis], score.shape)] = -np.inf
    power = np.exp(score - score.max(axis=-1, keepdims=True))
    wanted = np.einsum("qhk,kd->qhd", power / power.sum(axis=-1, keepdims=True), v)
    assert np.sqrt(((y / 64 - wanted) ** 2).mean()) < 0.25
    assert np.abs(y / 64 - wanted).max() < 2


def compiled(config, folder):
    """Compile a design."""
    design = design_of("kv_attention", "kv", **config.model_dump())
    generate(design, folder / "rtl")
    return StreamModel(config, folder / "rtl" / f"{design.top}.v", design.top, folder / "model")


@pytest.mark.slow
@pytest.mark.parametrize("values", [
    {"context": 512, "logic_products": 40}, {"heads": 3, "parallel": 3, "context": 64},
    {"context": 256, "parallel": 2, "tokens": 2, "logic_products": 128},
])  # fmt: skip
def test_rtl_at_full_size(values, tmp_path):
    config = KvAttentionConfig(**values)
    inputs = stimulus(config, np.random.default_rng(1), "random", 24 * 300)
    model = compiled(config, tmp_path)
    wanted = golden(config, inputs)["o"]["y"]
    for go in (1.0, 0.5):
        model.reset()
        run = model.run(inputs, {"o": len(wanted)}, limit=20_000, go_in=go, go_out=go, seed=1)
        np.testing.assert_array_equal(run.outputs["o"]["y"], wanted)
        assert go < 1 or run.span == config.cycles(inputs)


def test_a_lone_job_walks_twice_and_waits_once_for_the_softmax():
    config = KvAttentionConfig(context=512)
    times = [play(config, [n - 1]) for n in (64, 128, 256, 512)]
    assert [b.last - a.last for a, b in pairwise(times)] == [3 * 64, 3 * 128, 3 * 256]
    assert all(time.last + 1 == 3 * n + config.job_overhead for time, n in zip(times, (64, 128, 256, 512), strict=True))


def test_words_of_more_tokens_take_fewer_cycles_of_as_many_multipliers():
    one, two = KvAttentionConfig(context=512), KvAttentionConfig(context=512, parallel=2, tokens=2)
    assert one.products == two.products
    assert one.memory_bits == two.memory_bits
    times = [play(two, [n - 1]) for n in (128, 256, 512)]
    assert [b.last - a.last for a, b in pairwise(times)] == [2 * 128, 2 * 256]
    assert [play(each, [127]).last + 1 for each in (one, two)] == [471, 350]  # as the card says


def test_a_stream_of_jobs_keeps_the_array_busy():
    config = KvAttentionConfig(context=512)
    times = play(config, [*range(128)])
    assert times.busy == 128 * 129 * config.passes  # nothing behind a token is read for it
    assert times.utilisation > 0.96
    ends = np.array(play(config, [*range(100, 140)]).ends)
    assert ends[-1] - ends[0] < 2 * sum(range(102, 141)) + 8 * 40


def test_a_job_waits_for_its_place_when_its_token_comes_again():
    # Its key may only replace the one before it when nobody reads that any more.
    ends = np.diff(play(KvAttentionConfig(context=512), [100] * 5).ends)
    assert (ends > 3 * 101).all()


def test_a_walk_costs_nothing_but_its_words():
    config = KvAttentionConfig(heads=8, parallel=2, context=256)
    times = play(config, list(range(100, 120)))
    begins = np.sort(times.keys + times.values)
    lengths = np.repeat(np.arange(101, 121), 2 * config.passes)
    steady = slice(4, -4)
    assert (np.diff(begins)[steady] <= lengths[1:][steady] + 1).all()


@pytest.mark.parametrize("context", [1, 3, 40, 300, 1000])
@pytest.mark.parametrize(
    "values", [{}, {"heads": 6, "kv_heads": 2, "parallel": 1}, {"parallel": 1, "head_dim": 64}], ids=str
)
def test_scores_never_wait(context, values):
    # `play` asserts it cycle by cycle, against the softmax's own model.
    config = KvAttentionConfig(**values, context=context)
    rng = np.random.default_rng(context)
    for _ in range(6):
        most = rng.choice([1, 2, 5, context], 12)
        positions = [int(rng.integers(0, min(reach, context))) for reach in most]
        assert len(play(config, positions).ends) == 12
    assert len(play(config, [0, context - 1, 0, 0, context - 1, context - 1, 0]).ends) == 7


REFUSED = [
    ({"heads": 6, "kv_heads": 4}, "kv_attention.kv_heads must divide heads = 6, not be 4"),
    ({"heads": 6, "kv_heads": 2, "parallel": 2}, "kv_attention.parallel must divide heads / kv_heads = 3, not be 2"),
    ({"lanes": 6}, "kv_attention.lanes must be a power of two, not 6"),
    ({"head_dim": 12}, "kv_attention.head_dim must be a multiple of lanes = 8, not 12"),
    (
        {"head_dim": 8, "logic_products": 33},
        "kv_attention.logic_products must be at most parallel * queries * tokens * head_dim = 32, not 33",
    ),
    (
        {"head_dim": 8, "queries": 3, "logic_products": 97},
        "kv_attention.logic_products must be at most parallel * queries * tokens * head_dim = 96, not 97",
    ),
    ({"queries": 17}, "kv_attention.queries must lie in 1..16, not 17"),
    (
        {"heads": 24, "parallel": 24, "queries": 3},
        "kv_attention.queries must be at most 64 / parallel = 2, not 3",
    ),
    ({"tokens": 3}, "kv_attention.tokens must be a power of two, not 3"),
    ({"tokens": 2, "queries": 2}, "kv_attention.tokens must be 1, as queries is above 1, not 2"),
    (
        {"tokens": 4, "context": 3, "parallel": 1},
        "kv_attention.tokens must be at most 3, the less of context and 64 / parallel, not 4",
    ),
    ({"context": 0}, "kv_attention.context must lie in 1..4096, not 0"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        KvAttentionConfig(**values)
    assert str(caught.value) == line


@pytest.mark.parametrize("values", BENCH.grid, ids=lambda values: str(values)[:40])
def test_the_bench_reads_no_place_before_it_is_filled(values):
    config = KvAttentionConfig(**values)
    jobs = stimulus(config, np.random.default_rng(4), "random", 24 * 200)["i_job"]
    filled = set()
    back = full = 0
    seen = set()
    more = jobs.get("more", np.zeros_like(jobs["position"]))
    for layer, first, others in zip(jobs["layer"].tolist(), jobs["position"].tolist(), more.tolist(), strict=True):
        assert first + others < config.context
        full += first + others == config.context - 1
        seen.add((first == 0, others))
        for position in range(first, first + others + 1):
            back += (layer, position) in filled
            filled.add((layer, position))
            assert {(layer, at) for at in range(position)} <= filled
    assert back
    assert full or config.context > 100
    most = min(config.queries, config.context) - 1
    assert {(True, 0), (True, most)} <= seen  # a lone token and the longest block, where a sequence begins
    assert config.context == 1 or {(False, 0), (False, min(most, config.context - 2))} <= seen
