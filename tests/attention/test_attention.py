# SPDX-License-Identifier: BSD-2-Clause
"""The attention engine's golden model against float64, its order, its reads, its timing, its config."""

import dataclasses

import numpy as np
import pytest
from amaranth.sim import Simulator

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.hw.attention.attention.component import Attention
from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.golden import golden, probabilities
from gatewright.hw.attention.attention.rows_of import score_rows, sequences
from gatewright.hw.attention.attention.timing import play
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.nonlinear.softmax.golden import softmax
from gatewright.tb.attention.tb_attention import BENCH, stimulus
from gatewright.tb.fast.streams import StreamModel

ALGORITHMS = ("exact", "online", "two_pass", "fixed_phi", "base2")


def real_attention(config, inputs):
    """Attend in float64, in units of the result."""
    q, k, v = (sequences(config, inputs[port]).astype(float) for port in ("i_q", "i_k", "i_v"))
    beats = inputs["i_scale"]
    score, out = (
        (beats[f"{name}_multiplier"] / 2.0 ** (config.shift_min + beats[f"{name}_shift"])).reshape(-1, 1, 1, 1)
        for name in ("score", "out")
    )
    scores = np.einsum("sqhd,skhd->sqhk", q, k) * score
    power = np.exp(scores * config.softmax.scale / 2.0**config.softmax.scale_fraction)
    power /= power.sum(axis=-1, keepdims=True)
    return scores, np.einsum("sqhk,skhd->sqhd", power, v) * 2.0**config.prob_bits * out


def drawn(config, seed, count=2):
    """Draw sequences with scores and results of full scale that do not saturate."""
    rng = np.random.default_rng(seed)
    shape = (count * config.tokens * config.words, config.lanes)
    last = np.arange(shape[0]) % config.words == config.words - 1
    inputs = {
        name: {"x": np.clip(np.rint(rng.normal(0, 30, shape)), -128, 127).astype(np.int64), "last": last * 1}
        for name in ("i_q", "i_k", "i_v")
    }
    dots = np.einsum("sqhd,skhd->sqhk", *(sequences(config, inputs[name]) for name in ("i_q", "i_k")))
    ratio = 125 * 2.0 ** (config.score_bits - 8) / np.abs(dots).max()
    shift = int(np.floor(15 - np.log2(ratio)))
    inputs["i_scale"] = {
        "score_multiplier": np.full(count, int(ratio * 2.0**shift)), "score_shift": np.full(count, shift - 16),
        "out_multiplier": np.full(count, 1 << 14), "out_shift": np.full(count, 14 + config.prob_bits - 16),
    }  # fmt: skip
    return inputs


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("values", [{}, {"prob_bits": 12, "score_bits": 10}, {"tokens": 13, "parallel": 3}], ids=str)
def test_results_are_those_of_real_attention_within_the_bound(algorithm, values):
    fraction = 4 + values.get("score_bits", 8) - 8
    phi = {"phi": 0, "range_low": -100, "range_high": 120} if algorithm == "fixed_phi" else {}
    config = AttentionConfig(**values, softmax={"algorithm": algorithm, "scale_fraction": fraction, **phi})
    inputs = drawn(config, 5)
    scores, wanted = real_attention(config, inputs)
    assert np.abs(score_rows(config, inputs) - scores).max() <= 0.5
    error = golden(config, inputs)["o"]["y"].reshape(wanted.shape) - wanted
    assert np.abs(error).max() <= config.error_lsb(1, config.prob_bits)
    if algorithm != "base2":
        assert np.sqrt((error**2).mean()) < (2 if config.prob_bits == 8 else 0.7)


def test_rows_meet_their_keys_in_rotated_order():
    # Only a softmax that rounds as it goes can tell, and only now and then: each row as the engine reads it.
    config = AttentionConfig(tokens=12, parallel=3, heads=1, prob_bits=16, softmax={"algorithm": "two_pass"})
    scores = np.random.default_rng(2).integers(-60, 60, (200, 12, 1, 12))
    found = probabilities(config, scores)
    keep, differ = np.ones((12, 1), np.int64), 0
    for index in np.ndindex(scores.shape[:-1]):
        turn = index[1] % 3
        rotated = softmax(config.softmax, np.roll(scores[index], -turn)[:, np.newaxis], keep).ravel()
        np.testing.assert_array_equal(np.roll(rotated, turn), found[index])
        differ += (softmax(config.softmax, scores[index][:, np.newaxis], keep).ravel() != found[index]).any()
    assert differ


def simulate(config, inputs):
    """Run one sequence in Amaranth's simulator; give results and, per cycle, which operands are read."""
    engine = Attention(config)
    reads, results = [], []

    def sender(port):
        async def send(ctx):
            stream = getattr(engine, port.name)
            for word in port.pack(inputs[port.name]):
                ctx.set(stream.payload.as_value(), word)
                ctx.set(stream.valid, 1)
                await ctx.tick().until(stream.ready)
            ctx.set(stream.valid, 0)

        return send

    async def watch(ctx):
        ctx.set(engine.o.ready, 1)
        async for _, _, valid, payload, key, query in ctx.tick().sample(
            engine.o.valid, engine.o.payload.as_value(), engine.reads["keys"], engine.reads["queries"]
        ):
            reads.append((key, query))
            if valid:
                results.append(payload)
            if len(results) == config.tokens * config.words:
                return

    simulator = Simulator(engine)
    simulator.add_clock(1e-8)
    for port in config.inputs:
        simulator.add_testbench(sender(port), background=True)
    simulator.add_testbench(watch)
    simulator.run()
    return config.outputs[0].unpack(results), np.array(reads)


@pytest.mark.parametrize("parallel", [4, 8, 16])
def test_a_step_reads_one_key_and_at_most_one_query_whatever_the_parallelism(parallel):
    config = AttentionConfig(tokens=18, heads=1, head_dim=4, lanes=2, parallel=parallel)
    inputs = stimulus(config, np.random.default_rng(parallel), "random", 1)
    outputs, reads = simulate(config, inputs)
    np.testing.assert_array_equal(outputs["y"], golden(config, inputs)["o"]["y"])
    keys, queries = reads[:, 0], reads[:, 1]
    n, p = config.tokens, parallel
    assert config.steps == (n + p - 1) // p * n + (n + p - 1) % p  # as published
    assert keys.sum() == config.steps * config.words
    # As many as there are slots to fill in each walk through the keys: the last ones are of no consequence.
    assert queries.sum() == ((n + p - 1) // p * p + config.extra) * config.words
    step = (np.cumsum(keys) - keys) // config.words  # that a cycle belongs to
    assert keys[queries > 0].all()  # a query is read beside a key, never alone
    assert np.bincount(step[queries > 0]).max() == config.words


LARGE = {"tokens": 129, "heads": 3, "head_dim": 64}  # Edge-MoE's


@pytest.mark.slow
@pytest.mark.parametrize("parallel", [4, 8, 16])
def test_edge_moe_layer_at_full_size(parallel, tmp_path):
    design = design_of("attention", "edge", **LARGE, parallel=parallel)
    config = design.config
    inputs = drawn(config, parallel)
    generate(design, tmp_path / "rtl")
    model = StreamModel(config, tmp_path / "rtl" / f"{design.top}.v", design.top, tmp_path / "model")
    model.reset()
    wanted = golden(config, inputs)["o"]["y"]
    run = model.run(inputs, {"o": len(wanted)}, limit=2 * config.cycles(inputs), go_in=1.0, go_out=1.0, seed=1)
    np.testing.assert_array_equal(run.outputs["o"]["y"], wanted)
    assert run.span == config.cycles(inputs)


@pytest.mark.parametrize(
    ("values", "units"),
    [({}, 1), ({**LARGE, "parallel": 16}, 2), ({"parallel": 16, "lanes": 16}, 8)],
    ids=str,
)
def test_softmaxes_keep_up_with_the_multipliers(values, units):
    config = AttentionConfig(**values)
    assert config.units == units
    starts = np.array(play(config, 1).blocks)
    assert config.block_cycles == config.tokens * config.words
    assert (np.diff(starts) == config.block_cycles).all()
    assert play(config, 1).last < config.steps * config.words + 2.6 * config.block_cycles


def test_fewer_softmaxes_than_needed_cost_time():
    few = AttentionConfig(softmax_units=1, lanes=16)
    assert AttentionConfig(lanes=16).units == 3
    starts = np.array(play(few, 1).blocks)
    assert few.block_cycles == 2 * few.tokens * few.words
    assert abs(np.diff(starts[3:]) - few.block_cycles).max() <= 8


def test_multipliers_are_busy_through_a_long_run():
    config = AttentionConfig()
    assert config.utilisation(1) > 0.86
    assert config.utilisation(6) > 0.92  # between sequences the softmax falls a block behind


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 9])
def test_every_shape_comes_to_its_end(tokens, algorithm):
    for parallel in (1, 2, 3, 4, 7):
        for units in range(min(parallel, tokens) + 1):
            config = AttentionConfig(
                tokens=tokens, parallel=parallel, heads=1, head_dim=2, lanes=2, softmax_units=units,
                softmax={"algorithm": algorithm},
            )  # fmt: skip
            times = play(config, 3)
            assert len(times.blocks) == 3 * config.blocks
            assert config.steps == -(-tokens // parallel) * tokens + (tokens + parallel - 1) % parallel
            assert times.last > times.first


REFUSED = [
    ({"tokens": 0}, "attention.tokens must lie in 1..1024, not 0"),
    ({"head_dim": 12}, "attention.head_dim must be a multiple of lanes = 8, not 12"),
    (
        {"tokens": 3, "softmax_units": 4},
        "attention.softmax_units must be at most 3, the queries worked on at a time, not 4",
    ),
    ({"softmax": {"lanes": 2}}, "attention.softmax.lanes must be 1, not 2"),
    ({"tokens": 8, "softmax": {"row_max": 9}}, "attention.softmax.row_max must be 8, not 9"),
    ({"softmax": {"mask": "limit"}}, "attention.softmax.mask must be none, not limit"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        AttentionConfig(**values)
    assert str(caught.value) == line


def test_the_bench_draws_whole_sequences_of_many_kinds():
    config = AttentionConfig(**BENCH.grid[0])
    inputs = stimulus(config, np.random.default_rng(1), "corners", 2000)
    assert len(sequences(config, inputs["i_k"])) == len(inputs["i_scale"]["out_multiplier"])
    scores = score_rows(config, inputs)
    assert {scores.min(), scores.max()} == {-128, 127}
    assert len(np.unique(golden(config, inputs)["o"]["y"])) > 50
    assert dataclasses.is_dataclass(BENCH)
