# SPDX-License-Identifier: BSD-2-Clause
"""The expert engine: against plain sums by hand, on adversarial routes, at Edge-MoE's size; its traffic; refusals."""

import re

import numpy as np
import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import beat_count
from gatewright.hw.moe.moe_engine.config import MoeEngineConfig
from gatewright.hw.moe.moe_engine.golden import golden
from gatewright.tb.fast.streams import StreamModel
from gatewright.tb.moe.tb_moe_engine import GRID, layer, sequence, stimulus

EDGE_MOE = {
    "tokens": 129, "features": 192, "hidden": 384, "experts": 16, "inputs_per_cycle": 16, "outputs_per_cycle": 16,
    "lanes": 2,
}  # fmt: skip


def joined(parts):
    return {
        port: {name: np.concatenate([beats[name] for beats in found]).astype(np.int64) for name in found[0]}
        for port, found in parts.items()
    }


def routed(config, chosen, rng):
    """Draw a sequence whose tokens go where ``chosen`` says."""
    parts = {port.name: [] for port in config.inputs}
    sequence(config, rng, "random", parts)
    parts["i_route"], parts["i_w"], parts["i_param"] = [], [], []
    for token, experts in enumerate(chosen):
        last = (np.arange(len(experts)) == len(experts) - 1).astype(np.int64)
        final = np.full(len(experts), int(token == len(chosen) - 1))
        weight = rng.integers(0, 1 << config.weight_bits, len(experts))
        parts["i_route"].append({"expert": np.array(experts), "weight": weight, "last": last, "final": final})
    for _ in sorted({expert for experts in chosen for expert in experts}):
        for turn in range(2):
            layer(config, rng, turn, False, parts)
    return joined(parts)


def compiled(design, folder):
    generate(design, folder / "rtl")
    return StreamModel(design.config, folder / "rtl" / f"{design.top}.v", design.top, folder / "model")


def play(config, model, inputs, go_in=1.0, go_out=1.0):
    model.reset()
    outputs = golden(config, inputs)
    wanted = {port: beat_count(beats) for port, beats in outputs.items()}
    limit = int(8 * config.cycles(inputs) + 1000)
    return model.run(inputs, wanted, limit=limit, go_in=go_in, go_out=go_out, seed=1), outputs


@pytest.mark.parametrize("parameters", GRID[:3])
def test_sums_by_hand(parameters):
    """A token and its only expert, int8 weights, element by element."""
    config = MoeEngineConfig(**parameters)
    inputs = routed(config, [[0]] * config.tokens, np.random.default_rng(1))
    row = [int(value) for value in inputs["i_x"]["x"].reshape(config.tokens, -1)[0]]
    residual = inputs["i_r"]["x"].reshape(config.tokens, -1)[0]
    found = golden(config, inputs)["o"]["x"].reshape(config.tokens, -1)[0]
    at = offset = 0
    for turn in range(2):
        outputs, blocks = config.outputs_of(turn), config.blocks(turn)
        results = []
        for output in range(outputs):
            tile, lane = divmod(output, config.outputs_per_cycle)
            total = 0
            for block in range(blocks):
                code = inputs["i_w"]["code"][at + tile * blocks + block][lane]
                start = block * config.inputs_per_cycle
                total += sum(int(w) * v for w, v in zip(code, row[start : start + len(code)], strict=True))
            beat, lane = divmod(output, config.lanes)
            names = ("bias", "multiplier", "shift")
            param = {name: int(inputs["i_param"][name][offset + beat][lane]) for name in names}
            shift = 16 + param["shift"]
            value = ((total + param["bias"]) * param["multiplier"] + (1 << (shift - 1))) >> shift
            results.append(max(-32768, min(32767, value)))
        at, offset = at + config.layer_beats, offset + outputs // config.lanes
        if turn == 0:
            clipped = np.clip(results, -128, 127)
            row = config.activation.codes[clipped + 128].tolist()
    weight, half = int(inputs["i_route"]["weight"][0]), 1 << (config.weight_bits - 1)
    wanted = [max(-32768, min(32767, int(a) + ((y * weight + half) >> config.weight_bits)))
              for a, y in zip(residual, results, strict=True)]  # fmt: skip
    assert found.tolist() == wanted


ROUTES = {
    "all to one": lambda n, e: [[e - 1]] * n,
    "none to most": lambda n, e: [[1, 2]] * n,
    "all to all, descending": lambda n, e: [list(range(e))[::-1]] * n,
    "one token differs": lambda n, e: [[0]] * (n - 1) + [[e - 1]],
    "in turn": lambda n, e: [[token % e] for token in range(n)],
}


def test_adversarial_routes_with_stalls(tmp_path):
    design = design_of("moe_engine", "engine", **GRID[0] | {"experts": 4, "tokens": 9})
    model = compiled(design, tmp_path)
    for index, make in enumerate(ROUTES.values()):
        inputs = routed(design.config, make(9, 4), np.random.default_rng(index))
        for go_in, go_out in ((1.0, 1.0), (0.5, 0.5), (1.0, 0.1), (0.1, 1.0)):
            run, outputs = play(design.config, model, inputs, go_in, go_out)
            for port, beats in outputs.items():
                for name, values in beats.items():
                    np.testing.assert_array_equal(run.outputs[port][name], values)
            if go_in == go_out == 1.0:
                assert run.span == design.config.cycles(inputs)


@pytest.mark.parametrize("seed", range(4))
def test_weights_are_fetched_once_for_each_used_expert(seed):
    config = MoeEngineConfig(**GRID[0])
    inputs = stimulus(config, np.random.default_rng(seed), "random", 1)
    used = len(set(inputs["i_route"]["expert"].tolist()))
    assert len(inputs["i_w"]["last"]) == config.fetched(used)
    assert golden(config, inputs)["o_fetch"]["expert"].tolist() == sorted(set(inputs["i_route"]["expert"].tolist()))


def test_the_array_is_busy_at_edge_moe_size():
    config = MoeEngineConfig(**EDGE_MOE)
    chosen = [[token % 16, (token + 5) % 16] for token in range(129)]
    route = {
        "expert": np.array(chosen).ravel(), "last": np.tile([0, 1], 129),
        "final": np.repeat(np.arange(129) == 128, 2).astype(int),
    }  # fmt: skip
    work = 2 * 2 * 129 * config.layer_beats
    rows = 2 * 129 * 192 // config.lanes  # cycles to bring the residual rows, and to give them out
    assert work / (config.cycles({"i_route": route}) - rows) > 0.99


@pytest.mark.slow
def test_edge_moe_layer_at_full_size(tmp_path):
    design = design_of("moe_engine", "edge", **EDGE_MOE)
    rng = np.random.default_rng(7)
    inputs = routed(design.config, [rng.permutation(16)[:2].tolist() for _ in range(129)], rng)
    run, outputs = play(design.config, compiled(design, tmp_path), inputs)
    np.testing.assert_array_equal(run.outputs["o"]["x"], outputs["o"]["x"])
    assert run.span == design.config.cycles(inputs)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"features": 36}, "moe_engine.features must be a multiple of inputs_per_cycle = 8, not 36"),
        ({"lanes": 3}, "moe_engine.lanes must divide inputs_per_cycle = 8, not 3"),
        ({"lanes": 1, "hidden": 32}, "moe_engine.features must be at least inputs_per_cycle * outputs_per_cycle / "
                                     "lanes = 64, so that results leave as fast as they come, not 32; raise lanes"),
        ({"method": "half"}, "moe_engine.method must be one of multiply, select, fold, not 'half'"),
        ({"method": "fold", "group": 4, "outputs_per_cycle": 16, "lanes": 4},
         "moe_engine.features must be at least 4 * outputs_per_cycle = 64 for ternary weights, so that sums are back "
         "before they are added to, not 32"),
    ],
)  # fmt: skip
def test_refusals(values, line):
    with pytest.raises(ConfigError, match=f"^{re.escape(line)}$"):
        MoeEngineConfig(**values)
