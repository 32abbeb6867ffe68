# SPDX-License-Identifier: BSD-2-Clause
"""Blocks of tokens over a cache: the same as their tokens one after the other, in fewer cycles."""

from itertools import product

import numpy as np
import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.hw.attention.kv_attention.config import SCALES, KvAttentionConfig
from gatewright.hw.attention.kv_attention.golden import golden, tokens
from gatewright.hw.attention.kv_attention.timing import lone, play
from gatewright.hw.nonlinear.softmax.golden import golden as softmax
from gatewright.hw.quantise.requantise.golden import requantise
from gatewright.tb.attention.tb_kv_attention import stimulus
from gatewright.tb.fast.streams import StreamModel


def masked(config, inputs):
    """Attend from whole blocks: all scores of a block first, and those of later tokens masked."""
    jobs, dim = inputs["i_job"], config.head_dim
    q, k, v = (inputs[port]["x"].reshape(-1, heads, dim) for port, heads in
               (("i_q", config.heads), ("i_k", config.kv_heads), ("i_v", config.kv_heads)))  # fmt: skip
    cache = np.zeros((2, config.layers, config.context, config.kv_heads, dim), np.int64)
    at, found = 0, []
    for job in range(len(jobs["position"])):
        layer, first, count = (int(jobs[name][job]) for name in ("layer", "position", "more"))
        count += 1
        here, end = slice(at, at + count), first + count
        cache[0, layer, first:end], cache[1, layer, first:end] = k[here], v[here]
        keys, values = (np.repeat(kept[layer, :end], config.share, axis=1) for kept in cache)  # (tokens, heads, dim)
        scale = {name: jobs[name][job] + config.shift_min * name.endswith("shift") for name in SCALES}
        dots = np.einsum("qhd,khd->qhk", q[here], keys)
        score = requantise(config.scorer, dots, scale["score_multiplier"], scale["score_shift"]).reshape(dots.shape)
        sees = np.arange(end) <= first + np.arange(count)[:, np.newaxis, np.newaxis]
        beats = {"score": score.reshape(-1, 1), "keep": np.broadcast_to(sees, score.shape).reshape(-1, 1).astype(int)}
        beats["last"] = (np.arange(score.size) % end == end - 1).astype(np.int64)
        p = softmax(config.softmax, {"i": beats})["o"]["p"].reshape(score.shape)
        assert not p[~np.broadcast_to(sees, p.shape)].any()
        sums = np.einsum("qhk,khd->qhd", p, values)
        found.append(requantise(config.finisher, sums, scale["out_multiplier"], scale["out_shift"]).reshape(-1))
        at += count
    return np.concatenate(found).reshape(-1, config.lanes), cache


SHAPES = [
    {"heads": 4, "kv_heads": 2, "head_dim": 4, "layers": 2, "context": 19, "lanes": 2, "parallel": 1, "queries": 5},
    {"heads": 2, "kv_heads": 1, "head_dim": 4, "layers": 1, "context": 30, "lanes": 4, "parallel": 2, "queries": 4},
]


@pytest.mark.parametrize("values", SHAPES, ids=lambda values: f"{values['heads']} heads")
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_a_masked_block_is_its_tokens_one_after_the_other(values, kind):
    config = KvAttentionConfig(**values)
    inputs = stimulus(config, np.random.default_rng(6), kind, 24 * 60)
    wanted, _ = masked(config, inputs)
    got = golden(config, inputs)["o"]
    np.testing.assert_array_equal(got["y"], wanted)
    assert got["last"].sum() == len(tokens(inputs["i_job"])["position"])


def one_by_one(inputs):
    """Give the same tokens as jobs of one each."""
    jobs = tokens(inputs["i_job"])
    return inputs | {"i_job": jobs | {"more": np.zeros_like(jobs["position"])}}


def without_more(inputs):
    """Give jobs as a room takes them that knows no blocks."""
    return inputs | {"i_job": {name: field for name, field in inputs["i_job"].items() if name != "more"}}


def reader(config, filled):
    """Ask for all that a full cache holds, a lone query each.

    A query that is hot in one element reads it from all keys; scales by which a score decides alone make the greatest
    one's value the result. The tokens that ask are the last of each layer, which they overwrite with what they find
    there, so that nothing else changes.
    """
    dim, rng = config.head_dim, np.random.default_rng(8)
    places = [(layer, element, sign) for layer, element, sign in product(range(config.layers), range(dim), (-1, 1))]
    q = np.zeros((len(places), config.heads, dim), np.int64)
    for row, (_, element, sign) in zip(q, places, strict=True):
        row[:, element] = sign * rng.integers(1, 1 << (config.act_bits - 1), config.heads)
    layers = np.array([layer for layer, _, _ in places])
    job = {"layer": layers, "position": np.full(len(places), config.context - 1), "more": np.zeros_like(layers)}
    for name, value in zip(SCALES, (1 << 15, 0, 1 << 15, 0), strict=True):
        job[name] = np.full(len(places), value)
    inputs = {"i_job": job}
    for port, rows in zip(("i_q", "i_k", "i_v"), (q, *(kept[layers, -1] for kept in filled)), strict=True):
        x = rows.reshape(-1, config.lanes)
        beats = len(x) // len(places)
        inputs[port] = {"x": x, "last": (np.arange(len(x)) % beats == beats - 1).astype(np.int64)}
    return inputs


def joined(first, second):
    """Send one run's beats after another's."""
    return {
        port: {name: np.concatenate([beats[name], second[port][name]]) for name in beats}
        for port, beats in first.items()
    }


def filling(config, rng):
    """Draw blocks that fill every layer's cache to its end, in a random order of layers."""
    places = []
    ends = [0] * config.layers
    while min(ends) < config.context:
        layer = int(rng.choice([index for index, end in enumerate(ends) if end < config.context]))
        count = int(rng.integers(1, min(config.queries, config.context - ends[layer]) + 1))
        places.append((layer, ends[layer], count - 1))
        ends[layer] += count
    layer, position, more = np.array(places).T
    inputs = stimulus(config, rng, "random", 1 << 14)
    assert len(inputs["i_job"]["layer"]) >= len(places)
    jobs = {name: field[: len(places)] for name, field in inputs["i_job"].items()}
    found = {"i_job": jobs | {"layer": layer, "position": position, "more": more}}
    count = int((more + 1).sum())
    for port, heads in (("i_q", config.heads), ("i_k", config.kv_heads), ("i_v", config.kv_heads)):
        found[port] = {name: field[: count * heads * config.parts] for name, field in inputs[port].items()}
    return found


def compiled(config, folder, name):
    """Compile a design."""
    design = design_of("kv_attention", name, **config.model_dump())
    generate(design, folder / name)
    return StreamModel(config, folder / name / f"{design.top}.v", design.top, folder / f"{name}_model")


@pytest.mark.parametrize("values", SHAPES, ids=lambda values: f"{values['heads']} heads")
def test_prefill_equals_decode_and_leaves_the_same_cache(values, tmp_path):
    config = KvAttentionConfig(**values)
    plain = KvAttentionConfig(**values | {"queries": 1})
    blocks, tokenwise = compiled(config, tmp_path, "blocks"), compiled(plain, tmp_path, "tokens")
    inputs = filling(config, np.random.default_rng(9))
    _, cache = masked(config, inputs)
    inputs = joined(inputs, reader(config, cache))
    wanted = golden(config, inputs)["o"]
    spans = []
    for model, form in ((blocks, inputs), (blocks, one_by_one(inputs)), (tokenwise, without_more(one_by_one(inputs)))):
        for go in (1.0, 0.6):
            model.reset()
            run = model.run(form, {"o": len(wanted["y"])}, limit=40_000, go_in=go, go_out=go, seed=2)
            for name, beats in wanted.items():
                np.testing.assert_array_equal(run.outputs["o"][name], beats)
            if go == 1.0:
                assert run.span == model.config.cycles(form)
                spans.append(run.span)
    assert spans[0] < 0.75 * spans[1]
    assert spans[1] < 1.2 * spans[2]  # a room for blocks is hardly slower where they are single tokens


def test_a_block_reads_no_more_words_than_its_last_token():
    config = KvAttentionConfig(heads=8, kv_heads=2, parallel=2, context=128, queries=8)
    jobs = [(0, 7), (8, 3), (12, 0), (13, 7), (120, 7)]
    times = play(config, *zip(*jobs, strict=True))
    assert times.busy == 2 * config.passes * sum(first + more + 1 for first, more in jobs)


def test_a_lone_block_takes_its_last_tokens_cycles_and_what_its_rows_take():
    config = KvAttentionConfig(context=512, queries=16)
    # In: queries, `heads * parts` beats a token. Out: as many results, where the walks' time is that of the last token.
    for first, more in product((64, 128, 300), (0, 3, 15)):
        row = config.heads * config.parts
        took = play(config, [first], [more]).last + 1
        assert took == 3 * (first + more + 1) + config.job_overhead + 2 * row * more
        assert lone(config, first, (1 + more) * row, 0, 0, more) == took - 1


@pytest.mark.parametrize(("lanes", "queries", "least"), [(8, 4, 3.9), (32, 8, 7.8), (32, 16, 15.0)])
def test_blocks_share_walks(lanes, queries, least):
    config = KvAttentionConfig(context=512, lanes=lanes, queries=queries)
    together = play(config, range(0, 512, queries), [queries - 1] * (512 // queries))
    apart = play(KvAttentionConfig(context=512, lanes=lanes), range(512))
    assert apart.last / together.last > least
    # Of a block's columns those of earlier tokens idle for the last words: a block of Q reads n (n + Q) / 2Q words.
    assert together.busy == 2 * 512 * (512 + queries) // (2 * queries)
    assert apart.busy == 512 * 513


@pytest.mark.parametrize("context", [1, 3, 40, 300])
@pytest.mark.parametrize(
    "values", [{"queries": 2}, {"queries": 16}, {"heads": 6, "kv_heads": 2, "parallel": 1, "queries": 5}], ids=str
)
def test_scores_of_blocks_never_wait(context, values):
    # `play` asserts it cycle by cycle, against the softmax's own model.
    config = KvAttentionConfig(**values, context=context)
    rng = np.random.default_rng(context)
    for _ in range(6):
        positions = [int(rng.integers(0, min(reach, context))) for reach in rng.choice([1, 2, 5, context], 12)]
        more = [int(rng.integers(0, min(config.queries, context - position))) for position in positions]
        assert len(play(config, positions, more).ends) == 12
