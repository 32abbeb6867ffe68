# SPDX-License-Identifier: BSD-2-Clause
"""The golden vision transformer: equal to a plain model made of the rooms' goldens, and near the real numbers."""

from dataclasses import replace

import numpy as np
import pytest
from tests.model import vit_slow

from gatewright.gen.model.import_vit import quantise, ternary_matrix
from gatewright.gen.model.vit_float import float_logits
from gatewright.gen.model.vit_golden import choose, classify, patches, run
from gatewright.gen.model.vit_graph import Geometry
from gatewright.gen.model.vit_random import random_graph, random_images, random_model
from gatewright.gen.model.vit_rows import norm_rows, product, softmax_rows
from gatewright.hw.core.errors import ModelError
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig

SMALL = {
    "channels": 1, "height": 4, "width": 6, "patch": 2, "dim": 8, "heads": 2, "layers": 2, "ff": 12, "experts": 3,
    "expert_ff": 10, "top_k": 2,
}  # fmt: skip


def small(**changes):
    return Geometry(**(SMALL | changes))


CASES = {
    "plain": {},
    "colour": {"geometry": small(channels=3, height=2, width=4)},
    "one expert": {"geometry": small(top_k=1)},
    "one chosen": {"geometry": small(top_k=1), "over": "chosen"},
    "all experts": {"geometry": small(top_k=3, layers=4), "over": "chosen"},
    "one token": {"geometry": small(height=2, width=2, patch=2, heads=1)},
    "rms": {"norm": "rms"},
    "ternary": {"weights": "ternary"},
    "widths": {"widths": {"score_bits": 6, "probability_bits": 6, "gate_bits": 7, "weight_bits": 5, "gain_bits": 16}},
}


@pytest.mark.parametrize("case", CASES)
def test_golden_equals_the_rooms_one_by_one(case):
    options = {"geometry": small(), "classes": (3, 2)} | CASES[case]
    rng = np.random.default_rng(len(case))
    graph = random_graph(rng, **options)
    images = random_images(rng, graph, 2)
    for task in range(2):
        trace = run(graph, images, task)
        for index, image in enumerate(images):
            logits, routes = vit_slow.run(graph, image, task)
            assert trace.logits[index].tolist() == logits
            for route, (chosen, weights) in zip(trace.routes, routes, strict=True):
                assert route.experts[index].tolist() == chosen
                assert route.weights[index].tolist() == weights


def test_experts_add_in_ascending_order_and_saturate_each_time():
    # Experts of opposite sign beside the end of the range: another order would give another sum.
    rng = np.random.default_rng(3)
    graph = random_graph(rng, small(top_k=3, layers=2))
    graph = replace(graph, pos=np.sign(graph.pos) * 32700 + graph.pos % 60)
    images = random_images(rng, graph, 4)
    trace = run(graph, images, keep=True)
    assert np.abs(trace.stages["1.x2"]).max() >= 32767
    for index, image in enumerate(images):
        assert trace.logits[index].tolist() == vit_slow.run(graph, image, 0)[0]


def test_results_do_not_depend_on_the_batch():
    rng = np.random.default_rng(1)
    graph = random_graph(rng, small())
    images = random_images(rng, graph, 7)
    whole, parts = run(graph, images, keep=True), run(graph, images[:, 0], keep=True, batch=3)
    np.testing.assert_array_equal(whole.logits, parts.logits)
    np.testing.assert_array_equal(whole.routes[0].experts, parts.routes[0].experts)
    assert list(whole.stages) == list(parts.stages)
    assert [name for name in whole.stages if name.endswith("gate")] == ["1.gate"]
    assert run(graph, images[:0]).logits.shape == (0, 3)
    np.testing.assert_array_equal(classify(graph, images), whole.logits.argmax(axis=1))


def test_tasks_have_their_own_gates_and_heads():
    rng = np.random.default_rng(2)
    graph = random_graph(rng, small(), classes=(3, 2))
    images = random_images(rng, graph, 5)
    first, second = run(graph, images, "task0"), run(graph, images, 1)
    assert first.logits.shape == (5, 3)
    assert second.logits.shape == (5, 2)
    assert (first.routes[0].experts != second.routes[0].experts).any()
    assert first.routes[0].count(3).sum() == 5 * graph.geometry.tokens * 2


def test_ties_go_to_the_lower_expert():
    graph = random_graph(np.random.default_rng(0), small(experts=4, top_k=3))
    best, weights = choose(graph, np.array([[5, 7, 7, 5], [0, 0, 0, 0]]))
    assert best.tolist() == [[1, 2, 0], [0, 1, 2]]
    assert weights[1].tolist() == [1024] * 3  # of all four, not renormalised


def test_all_weight_goes_to_a_single_chosen_expert():
    graph = random_graph(np.random.default_rng(0), small(top_k=1), over="chosen")
    assert choose(graph, np.array([[-3, 2, 1]]))[1].tolist() == [[4095]]


def test_patches_run_by_row_and_inside_by_channel():
    size = small(channels=2, height=4, width=4)
    pixels = np.arange(32).reshape(1, 2, 4, 4)
    assert patches(size, pixels)[0].tolist()[1] == [2, 3, 6, 7, 18, 19, 22, 23]


@pytest.mark.parametrize("weights", ["int8", "ternary"])
@pytest.mark.parametrize(("norm", "over"), [("layer", "all"), ("rms", "chosen")])
def test_integers_follow_the_real_numbers(weights, norm, over):
    rng = np.random.default_rng(4)
    size = small(dim=32, layers=4, ff=48, expert_ff=24)
    config, tensors = random_model(rng, size, (6,), weights, norm, over)
    graph = quantise(config, tensors)
    if weights == "ternary":  # what ternary weights lose is not what is asked here
        for name, value in tensors.items():
            if name.endswith("weight") and "norm" not in name and "gate" not in name:
                parts = value if value.ndim == 3 else value[np.newaxis]
                known = [codes * step for codes, step in map(ternary_matrix, parts.astype(np.float64))]
                tensors[name] = np.array(known, np.float32).reshape(value.shape)
    images = random_images(rng, graph, 40)
    real, found = float_logits(config, tensors, images), run(graph, images).logits * graph.heads[0].logit_step
    assert np.sqrt(np.mean((real - found) ** 2)) < 0.1 * real.std()
    assert np.mean(real.argmax(axis=1) == found.argmax(axis=1)) > 0.8


def test_random_graphs_are_lively():
    rng = np.random.default_rng(5)
    graph = random_graph(rng, small(dim=32, layers=4, ff=48, expert_ff=24, experts=8))
    trace = run(graph, random_images(rng, graph, 40), keep=True)
    for name, value in trace.stages.items():
        if name.split(".")[-1] in ("norm1", "qkv", "attention", "norm2", "norm"):
            assert value.std() > 8, name
            assert np.mean(np.abs(value) >= 127) < 0.03, name
    for route in trace.routes:
        assert np.count_nonzero(route.count(8).sum(axis=0) > 0) >= 6
        assert len({tuple(pair) for pair in route.experts.reshape(-1, 2).tolist()}) >= 12


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("elements", [2, 6, 64, 192])
def test_norm_rows_equal_the_room(kind, elements):
    rng = np.random.default_rng(elements)
    config = NormConfig(
        kind=kind, lanes=1, elements=elements, in_bits=16, weight_bits=12, weight_fraction=4, bias_bits=14, epsilon=7
    )
    scale = rng.choice([1, 3, 100, 5000, 32767], (60, 1))
    x = rng.integers(-32768, 32768, (60, elements)) * scale // 32768
    x[:4] = np.array([0, 1, -32768, 32767])[:, np.newaxis]
    x[4, : elements // 2], x[4, elements // 2 :] = -32768, 32767
    part = type("Part", (), {})()
    part.gain = rng.integers(-2048, 2048, elements)
    part.bias = rng.integers(-8192, 8192, elements) if kind == "layer" else None
    graph = type("Graph", (), {"norm_config": config})()
    want = [vit_slow.norm_row(graph, part, row) for row in x.tolist()]
    assert norm_rows(config, x, part.gain, part.bias).tolist() == want


@pytest.mark.parametrize(("bits", "out"), [(8, 8), (10, 12), (4, 4)])
def test_softmax_rows_equal_the_room(bits, out):
    rng = np.random.default_rng(bits)
    config = SoftmaxConfig(lanes=1, score_bits=bits, scale=1, scale_fraction=bits - 4, out_bits=out, row_max=65)
    for length in (1, 2, 65):
        score = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (50, length)) // rng.integers(1, 9, (50, 1))
        want = [vit_slow.softmax_row(config, row) for row in score.tolist()]
        assert softmax_rows(config, score).tolist() == want


def test_products_are_exact():
    rng = np.random.default_rng(6)
    for most in (100, 1 << 15, 1 << 22):
        x, w = rng.integers(-most, most + 1, (9, 50)), rng.integers(-most, most + 1, (50, 7))
        np.testing.assert_array_equal(product(x, w), x @ w)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 4, 6)), "pixels must be integers, not float64"),
        (np.zeros((1, 4, 5), np.int64), r"images must have the shape \('images', 1, 4, 6\), not \(1, 4, 5\)"),
        (np.full((1, 4, 6), 128), r"pixels must lie in 0\.\.127, not 128"),
        (np.full((1, 4, 6), -1), r"pixels must lie in 0\.\.127, not -1"),
    ],
)
def test_wrong_images_are_refused(images, message):
    with pytest.raises(ModelError, match=f"^random: {message}$"):
        run(random_graph(np.random.default_rng(0), small()), images)


@pytest.mark.parametrize(
    ("task", "message"), [(1, r"task must lie in 0\.\.0, not 1"), ("x", "task must be one of task0, not 'x'")]
)
def test_unknown_tasks_are_refused(task, message):
    with pytest.raises(ModelError, match=f"^random: {message}$"):
        run(random_graph(np.random.default_rng(0), small()), np.zeros((1, 4, 6), np.int64), task)
