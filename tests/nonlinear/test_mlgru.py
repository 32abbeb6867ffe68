# SPDX-License-Identifier: BSD-2-Clause
"""The recurrence's golden model against the language model's, its activations, Python's integers; its timing."""

import numpy as np
import pytest

from gatewright.gen.model.lm_golden import Rows, _gates, _mixed, fresh_state, linear, step
from gatewright.gen.model.lm_random import random_graph, random_tokens
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.mlgru.config import MlgruConfig
from gatewright.hw.nonlinear.mlgru.golden import gates, golden, mixed
from gatewright.tb.nonlinear.tb_mlgru import BENCH, stimulus

CONFIGS = [*BENCH.grid, *BENCH.mutations]
WIDTHS = [{}, {"gate_bits": 8, "middle_bits": 12}]


def graph_of(widths):
    size = LmGeometry(family="mlgru", vocab=24, dim=20, layers=3, ff=16, context=9)
    return random_graph(np.random.default_rng(11), size, widths=widths)


def room_of(graph, **changes):
    form, size = graph.formats, graph.geometry
    names = ("gate_bits", "gate_fraction", "middle_bits", "middle_fraction", "state_shift")
    return MlgruConfig(
        **{name: getattr(form, name) for name in names} | {"elements": size.dim, "layers": size.layers} | changes
    )


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_the_activations_are_the_language_models(widths):
    graph = graph_of(widths)
    config = room_of(graph, lanes=4)
    assert config.forget == graph.forget_config
    assert config.candidate == graph.candidate_config


@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_golden_equals_the_language_models_gates_and_mix(widths):
    graph = graph_of(widths)
    config, rng = room_of(graph), np.random.default_rng(2)
    for block in graph.blocks:
        y = Rows(rng.integers(-128, 128, (50, graph.geometry.dim)))
        before = rng.integers(-(2**15), 2**15, (50, graph.geometry.dim))
        forget, candidate = _gates(graph, block.mixer, y)
        f, c = linear(block.mixer.f, y), linear(block.mixer.i, y)
        np.testing.assert_array_equal(gates(config, f, block.mixer.bound), forget)
        own = activation(config.candidate, c) << config.state_shift
        np.testing.assert_array_equal(mixed(config, forget, before, own), _mixed(forget, before, candidate))


def test_jobs_of_all_layers_leave_the_language_models_states():
    graph = graph_of({})
    config = room_of(graph, lanes=4)
    size, state, rows = graph.geometry, fresh_state(graph), []
    f, c, bound, expected = [], [], [], []
    for token in random_tokens(np.random.default_rng(3), graph, 12).tolist():
        position, stages = state.position, {}
        step(graph, state, token, stages)
        for layer, block in enumerate(graph.blocks):
            y = Rows(stages[f"{layer}.norm1"])
            rows.append((layer, int(position == 0)))
            f.append(linear(block.mixer.f, y))
            c.append(linear(block.mixer.i, y))
            bound.append(block.mixer.bound)
            expected.append(state.hidden[layer].copy())
    beats = {name: np.reshape(value, (-1, 4)) for name, value in (("f", f), ("c", c), ("bound", bound))}
    last = np.tile(np.arange(config.beats) == config.beats - 1, len(rows)).astype(np.int64)
    layer, first = np.transpose(rows)
    found = golden(config, {
        "i_job": {"layer": layer, "first": first},
        "i": {"f": beats["f"], "c": beats["c"], "last": last},
        "i_bound": {"bound": beats["bound"]},
    })  # fmt: skip
    np.testing.assert_array_equal(found["o"]["h"].reshape(-1, size.dim), expected)


@pytest.mark.parametrize("values", CONFIGS, ids=str)
@pytest.mark.parametrize("kind", ["random", "corners"])
def test_golden_equals_the_short_form_element_by_element(values, kind):
    config = MlgruConfig(**values)
    inputs = stimulus(config, np.random.default_rng(4), kind, 120)
    one, jobs = 1 << config.forget_bits, inputs["i_job"]
    sigmoid, silu = activation(config.forget, inputs["i"]["f"]), activation(config.candidate, inputs["i"]["c"])
    state, gate_seen = {}, set()
    found = golden(config, inputs)["o"]["h"]
    top = (1 << (config.state_bits - 1)) - 1
    for beat, (raw, way) in enumerate(zip(sigmoid.tolist(), silu.tolist(), strict=True)):
        job, part = divmod(beat, config.beats)
        layer = int(jobs["layer"][job])
        for lane in range(config.lanes):
            bound, place = int(inputs["i_bound"]["bound"][beat, lane]), (layer, part, lane)
            forget = bound + ((one - bound) * raw[lane] + one // 2) // one
            candidate = way[lane] * 2**config.state_shift
            before = 0 if jobs["first"][job] else state[place]
            after = candidate + (forget * (before - candidate) + one // 2) // one
            assert config.reach[0] <= after <= config.reach[1]
            state[place] = max(-top - 1, min(after, top))
            gate_seen.add(forget)
            assert found[beat, lane] == state[place]
    assert min(gate_seen) >= 0
    assert max(gate_seen) <= one


def test_the_bench_meets_a_gate_that_forgets_nothing():
    config = MlgruConfig()
    inputs = stimulus(config, np.random.default_rng(4), "corners", 1000)
    assert gates(config, inputs["i"]["f"], inputs["i_bound"]["bound"]).max() == 4096


@pytest.mark.parametrize(("beats", "interval"), [(1, 4), (3, 4), (4, 4), (5, 5)])
def test_tokens_follow_each_other_at_the_distance_of_a_word(beats, interval):
    config = MlgruConfig(elements=beats * 2, lanes=2)
    jobs = {"i_job": {"layer": np.zeros(3, np.int64)}}
    assert config.row_interval == interval
    assert config.latency == config.activation_latency + 5
    assert config.cycles(jobs) == config.latency + 2 * interval + beats


REFUSED = [
    ({"lanes": 3}, "mlgru.elements must be a multiple of lanes = 3, not 64"),
    ({"gate_bits": 14}, "mlgru.gate_bits must lie in 3..13, not 14"),
    ({"forget_bits": 13}, "mlgru.forget_bits must lie in 2..12, not 13"),
    ({"layers": 0}, "mlgru.layers must lie in 1..256, not 0"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        MlgruConfig(**values)
    assert str(caught.value) == line
