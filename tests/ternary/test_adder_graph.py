# SPDX-License-Identifier: BSD-2-Clause
"""The adder graph: what its nodes mean, what sharing saves, where nodes stand, what the config refuses."""

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.adder_graph.config import AdderGraphConfig
from gatewright.hw.ternary.adder_graph.golden import golden
from gatewright.hw.ternary.adder_graph.graph import build
from gatewright.hw.ternary.adder_graph.sharing import share
from gatewright.tb.ternary.tb_adder_graph import BENCH, drawn, picture

SHAPES = [(1, 1), (1, 9), (9, 1), (2, 3), (5, 4), (8, 8), (13, 6), (6, 17), (24, 24), (40, 33)]
FILLS = ["random", "sparse", "plus", "minus", "zero", "equal rows", "opposite rows"]
CASES = [(shape, fill) for shape in SHAPES for fill in FILLS]


def matrix_of(shape, fill, seed=0):
    outputs, inputs = shape
    rng = np.random.default_rng([seed, outputs, inputs])
    match fill:
        case "plus" | "minus" | "zero":
            return np.full(shape, {"plus": 1, "minus": -1, "zero": 0}[fill])
        case "sparse":
            return rng.choice([-1, 0, 1], p=[0.15, 0.7, 0.15], size=shape)
        case "equal rows" | "opposite rows":
            signs = rng.choice([1, -1 if fill == "opposite rows" else 1], outputs)
            return signs[:, np.newaxis] * rng.integers(-1, 2, inputs)
    return rng.integers(-1, 2, shape)


def config_of(matrix, **more):
    outputs, inputs = matrix.shape
    weights = tuple(matrix.ravel().tolist())
    return AdderGraphConfig(input_count=inputs, output_count=outputs, weights=weights, **more)


def coefficients(graph):
    """Give what each operand is made of: a row of weights per operand."""
    rows = list(np.eye(graph.inputs, dtype=np.int64))
    for node in graph.nodes:
        left = 0 if node.left is None else rows[node.left]
        rows.append(left - rows[node.right] if node.minus else left + rows[node.right])
    return rows


@pytest.mark.parametrize("sharing", ["pairs", "none"])
@pytest.mark.parametrize(("shape", "fill"), CASES, ids=str)
def test_graph_means_the_matrix(shape, fill, sharing):
    matrix = matrix_of(shape, fill)
    graph = build(matrix, sharing)
    rows = coefficients(graph)
    for weights, root in zip(matrix, graph.roots, strict=True):
        np.testing.assert_array_equal(weights, 0 if root is None else rows[root])
    # An output's operands never overlap, and nothing is computed twice or for nobody.
    assert np.abs(rows).max() == 1
    read = {operand for node in graph.nodes for operand in node.operands} | set(graph.roots)
    assert read >= set(range(graph.inputs, len(rows)))
    if sharing == "pairs":
        assert len({tuple(row) for row in rows}) == len(rows)


@pytest.mark.parametrize("seed", range(20))
def test_graph_means_many_small_matrices(seed):
    # Small matrices meet turned differences and negations most often.
    rng = np.random.default_rng(seed)
    for _ in range(20):
        matrix = rng.choice([-1, 0, 1], p=[0.45, 0.3, 0.25], size=rng.integers(1, 7, 2))
        config = config_of(matrix)
        rows = coefficients(config.graph)
        for weights, root in zip(matrix, config.graph.roots, strict=True):
            np.testing.assert_array_equal(weights, 0 if root is None else rows[root])
        assert config.adders <= config.unshared_adders


@pytest.mark.parametrize("sharing", ["pairs", "none"])
@pytest.mark.parametrize(("shape", "fill"), CASES, ids=str)
def test_widths_are_the_least_that_hold_every_value(shape, fill, sharing):
    config = config_of(matrix_of(shape, fill), act_bits=6, sharing=sharing)
    rows = coefficients(config.graph)
    for weights, bits, found in zip(rows, config.bits, config.graph.ranges(-32, 31), strict=True):
        low = int(np.where(weights > 0, -32, 31) @ weights)
        high = int(np.where(weights > 0, 31, -32) @ weights)
        assert found == (low, high)
        assert -(1 << (bits - 1)) <= low <= high < 1 << (bits - 1)
        assert low < -(1 << (bits - 2)) or high >= 1 << (bits - 2)


@pytest.mark.parametrize(("shape", "fill"), CASES, ids=str)
def test_sharing_never_adds(shape, fill):
    config = config_of(matrix_of(shape, fill))
    alone = config.model_copy(update={"sharing": "none"})
    assert config.adders <= config.unshared_adders
    assert config_of(config.matrix, sharing="none").adders <= alone.unshared_adders


@pytest.mark.parametrize("shape", [(4, 4), (9, 5), (12, 12)])
@pytest.mark.parametrize("seed", range(5))
def test_each_pair_is_one_that_most_rows_hold(shape, seed):
    matrix = matrix_of(shape, "random", seed)
    terms = {column: matrix[:, column].copy() for column in range(shape[1])}
    _, pairs = share(matrix)
    for number, pair in enumerate([*pairs, None], shape[1]):
        counts = {
            (a, b, sign < 0): int(np.count_nonzero(terms[a] * terms[b] == sign))
            for a in terms for b in terms if a < b for sign in (1, -1)
        }  # fmt: skip
        if pair is None:
            assert max(counts.values()) < 2
            break
        a, b = sorted((pair.left, pair.right))
        assert counts[a, b, pair.minus] == max(counts.values())
        holds = terms[a] * terms[b] == (-1 if pair.minus else 1)
        terms[number] = np.where(holds, terms[pair.left], 0)
        terms[a], terms[b] = np.where(holds, 0, terms[a]), np.where(holds, 0, terms[b])


@pytest.mark.parametrize(
    ("text", "adders"),
    [
        ("+", 0), ("-", 1), (".", 0), ("+ - +", 1), ("++ --", 2), ("++ +-", 2),
        ("+-+. -+.-", 3),  # the shared difference is turned, no negation
        ("+-+. -+.+", 3),
        ("--. -.-", 3),  # one negation for both rows
        ("++++++ ++++++ ++++++", 5),
    ],
)  # fmt: skip
def test_known_matrices_take_the_additions_counted_by_hand(text, adders):
    assert AdderGraphConfig(**picture(text)).adders == adders


@pytest.mark.parametrize(("size", "most"), [(16, 0.53), (32, 0.48), (64, 0.44), (128, 0.39)])
def test_sharing_halves_the_additions_of_random_matrices(size, most):
    config = AdderGraphConfig(**drawn(size, size, 1))
    assert config.adders / np.count_nonzero(config.matrix) < most


@pytest.mark.parametrize("stage_adders", [1, 2, 3, 4])
@pytest.mark.parametrize("sharing", ["pairs", "none"])
def test_every_operand_is_there_when_it_is_read(sharing, stage_adders):
    config = config_of(matrix_of((24, 24), "random"), sharing=sharing, stage_adders=stage_adders)
    graph, schedule = config.graph, config.schedule
    for number, node in enumerate(graph.nodes, graph.inputs):
        # The level counts additions since the last register, too, so that no stage holds too many.
        assert all(schedule.levels[operand] < schedule.levels[number] for operand in node.operands)
    assert max(schedule.levels[root] for root in graph.roots) <= config.latency * stage_adders
    assert config.latency == -(-max(graph.depths) // stage_adders)


def test_trees_alone_are_as_shallow_as_can_be():
    for terms in range(1, 40):
        config = config_of(np.ones((1, terms), np.int64), sharing="none")
        assert config.latency == max(1, (terms - 1).bit_length())


def test_moving_nodes_saves_registers():
    config = AdderGraphConfig(**drawn(24, 24, 1))
    moved = config.registers
    config.schedule.levels = config.graph.depths
    assert moved < config.registers


def test_the_same_matrix_gives_the_same_graph():
    values = drawn(20, 20, 5)
    assert AdderGraphConfig(**values).graph == AdderGraphConfig(**values).graph


@pytest.mark.parametrize("values", [*BENCH.grid, *BENCH.mutations], ids=str)
def test_golden_and_stimulus_reach_the_ends_of_the_accumulator(values):
    config = AdderGraphConfig(**values)
    inputs = BENCH.stimulus(config, np.random.default_rng(1), "corners", 60)
    y = golden(config, inputs)["o"]["y"]
    expected = [[sum(int(w) * int(v) for w, v in zip(row, x, strict=True)) for row in config.matrix]
                for x in inputs["i"]["x"]]  # fmt: skip
    assert y.tolist() == expected
    half = 1 << (config.acc_bits - 2)
    assert (y < -half).any() or (y >= half).any()


REFUSED = [
    ({"input_count": 0}, "adder_graph.input_count must lie in 1..256, not 0"),
    ({"output_count": 257}, "adder_graph.output_count must lie in 1..256, not 257"),
    ({"stage_adders": 5}, "adder_graph.stage_adders must lie in 1..4, not 5"),
    ({"sharing": "some"}, "adder_graph.sharing must be one of pairs, none, not 'some'"),
    ({"input_count": 7}, "adder_graph.weights must hold 42 numbers, one per output and input, not 48"),
    ({"input_count": 2, "output_count": 1, "weights": (1, 2)}, "adder_graph.weights must lie in -1..1, not 2"),
    ({"input_count": 1, "output_count": 1, "weights": (0.5,)},
     "adder_graph.weights.0 must be a whole number, not 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        AdderGraphConfig(**values)
    assert str(caught.value) == line
