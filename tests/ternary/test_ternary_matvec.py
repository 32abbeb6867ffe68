# SPDX-License-Identifier: BSD-2-Clause
"""The matrix-vector unit against plain products, on every method, packing and odd shape; its utilisation; refusals."""

import re

import numpy as np
import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig
from gatewright.hw.ternary.ternary_matvec.golden import golden
from gatewright.hw.ternary.ternary_matvec.words import act_beats, weight_beats
from gatewright.tb.fast.streams import StreamModel

ENGINES = (
    {"method": "select", "group": 1, "groups": 10},
    {"method": "fold", "group": 5, "groups": 2, "packing": "base3_g5"},
    {"method": "fold", "group": 2, "groups": 6, "packing": "escape_g3", "outputs_per_cycle": 3},
    {"method": "select", "group": 2, "groups": 5, "packing": "tq1_g5"},
    {"method": "half", "group": 3, "groups": 4},
    {"method": "full", "group": 2, "groups": 3, "vectors": 2},
    {"method": "bitplane", "group": 4, "groups": 3, "vectors": 3},
)
SHAPES = ((1, 1), (1, 50), (7, 1), (11, 12), (12, 13), (9, 64))


def product(config, matrix, x):
    """Run the golden model on one product; give the results (vectors, outputs) without padding."""
    outputs = golden(config, {"i_x": act_beats(config, x), "i_w": weight_beats(config, matrix)})["o"]
    assert outputs["last"].tolist() == [0] * (len(outputs["last"]) - 1) + [1]
    y = outputs["y"].transpose(1, 0, 2).reshape(len(x), -1)
    assert not y[:, len(matrix) :].any()  # rows of padding are true zeros
    return y[:, : len(matrix)]


def drawn(rng, shape, kind):
    match kind:
        case "random":
            return rng.integers(-1, 2, shape)
        case "plus" | "minus" | "zero":
            return np.full(shape, {"plus": 1, "minus": -1, "zero": 0}[kind])


@pytest.mark.parametrize("kind", ["random", "plus", "minus", "zero"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("engine", ENGINES)
def test_products_of_every_shape(engine, shape, kind):
    config = TernaryMatvecConfig(**engine, inputs_max=64, outputs_max=16, lanes=1)
    rng = np.random.default_rng(3)
    matrix = drawn(rng, shape, kind)
    for acts in (rng.integers(-128, 128, (config.vectors, shape[1])), np.full((config.vectors, shape[1]), -128)):
        np.testing.assert_array_equal(product(config, matrix, acts), acts @ matrix.T)


def test_scales_of_groups():
    config = TernaryMatvecConfig(groups=2, lanes=3, inputs_max=60, outputs_max=8, scale_blocks=2)
    rng = np.random.default_rng(4)
    matrix, x = rng.integers(-1, 2, (7, 31)), rng.integers(-128, 128, (1, 31))
    scale = rng.integers(0, 256, (3, 8))  # groups of 12 inputs, 7 outputs and one of padding
    inputs = {
        "i_x": act_beats(config, x), "i_w": weight_beats(config, matrix),
        "i_group": {"scale": scale.reshape(6, 4), "final": np.array([0, 0, 0, 0, 1, 1])},
    }  # fmt: skip
    want = sum(scale[g, :7] * (matrix[:, 12 * g : 12 * g + 12] @ x[0, 12 * g : 12 * g + 12]) for g in range(3))
    np.testing.assert_array_equal(golden(config, inputs)["o"]["y"].ravel()[:7], want)


def test_worst_sums_need_the_whole_width():
    for more in ({}, {"scale_blocks": 1, "scale_bits": 3}, {"scale_blocks": 3, "scale_bits": 2}):
        config = TernaryMatvecConfig(groups=1, lanes=3, inputs_max=12, outputs_max=4, act_bits=4, **more)
        x, matrix = np.full((1, 12), -8), np.full((4, 12), -1)
        inputs = {"i_x": act_beats(config, x), "i_w": weight_beats(config, matrix)}
        if more:
            groups = config.scale_groups
            final = (np.arange(groups) == groups - 1).astype(int)
            inputs["i_group"] = {"scale": np.full((groups, 4), (1 << config.scale_bits) - 1), "final": final}
        top = golden(config, inputs)["o"]["y"].max()
        assert 1 << config.sum_bits - 2 <= top <= (1 << config.sum_bits - 1) - 1


# What BitNet b1.58 multiplies with: inputs, outputs; the engine's groups and outputs per cycle.
BITNET = ((1536, 1536, 8, 4), (1536, 4096, 8, 8), (4096, 1536, 8, 4), (2560, 6912, 32, 16), (6912, 2560, 8, 4))


@pytest.mark.parametrize(("inputs", "outputs", "groups", "rate"), BITNET)
def test_bitnet_shapes_keep_the_engine_busy(inputs, outputs, groups, rate):
    config = TernaryMatvecConfig(
        groups=groups, outputs_per_cycle=rate, inputs_max=inputs, outputs_max=outputs, lanes=4
    )
    assert config.utilisation(inputs, outputs) >= 0.95


# The same, smaller by 24: as many builds per beat of weights.
@pytest.mark.parametrize(
    ("inputs", "outputs", "groups", "rate"), [(66, 384, 2, 1), (66, 1024, 2, 2), (106, 432, 4, 1)]
)
def test_utilisation_is_that_of_the_rtl(inputs, outputs, groups, rate, tmp_path):
    shape = {"groups": groups, "outputs_per_cycle": rate, "inputs_max": inputs, "outputs_max": outputs, "lanes": 2}
    design = design_of("ternary_matvec", **shape)
    config = design.config
    generate(design, tmp_path / "rtl")
    model = StreamModel(config, tmp_path / "rtl" / f"{design.top}.v", design.top, tmp_path / "model")
    model.reset()
    rng = np.random.default_rng(5)
    matrix, x = rng.integers(-1, 2, (outputs, inputs)), rng.integers(-128, 128, (1, inputs))
    beats = {"i_x": act_beats(config, x), "i_w": weight_beats(config, matrix)}
    run = model.run(beats, {"o": outputs // rate}, limit=5000, go_in=1.0, go_out=1.0, seed=1)
    np.testing.assert_array_equal(run.outputs["o"]["y"].ravel(), matrix @ x[0])
    assert run.span == config.product_cycles(inputs, outputs)
    assert config.utilisation(inputs, outputs) >= 0.95


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"lanes": 5}, "ternary_matvec.lanes must divide a block, group * groups = 24, not 5"),
        ({"packing": "base3_g3"}, "ternary_matvec.packing must be engine for method half, whose codes are dense already"
                                  ", not base3_g3"),
        ({"output": "dequantised", "dequantise": {"lanes": 3}}, "ternary_matvec.dequantise.lanes must be 4, as the sums"
                                                                " need, not 3"),
        ({"group": 7}, "tlmm.group must lie in 2..6 for method half, not 7"),
    ],
)  # fmt: skip
def test_refusals(values, line):
    with pytest.raises(ConfigError, match=f"^{re.escape(line)}$"):
        TernaryMatvecConfig(**values)


def test_a_matrix_that_does_not_fit_is_refused():
    config = TernaryMatvecConfig()
    with pytest.raises(ConfigError, match=r"1\.\.256 outputs and 1\.\.192 inputs, not 257 and 4"):
        weight_beats(config, np.zeros((257, 4), int))
    with pytest.raises(ConfigError, match="weights must be -1, 0 or 1, not 2"):
        weight_beats(config, np.full((1, 4), 2))
