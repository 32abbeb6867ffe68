# SPDX-License-Identifier: BSD-2-Clause
"""The vision transformer's core: the shipped models in RTL, its work per cycle, its weights' traffic, refusals."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gatewright.gen.model.vit_rtl import run_images
from gatewright.gen.presets import load_design
from gatewright.gen.run import task_of
from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.golden import constants, golden, infer
from gatewright.hw.accel.vit_core.program import Kind, passes
from gatewright.hw.accel.vit_core.timing import Machine, macs, typical
from gatewright.hw.core.errors import ConfigError
from gatewright.tb.accel.tb_vit_core import SMALL, stimulus

RESULTS = Path(__file__).resolve().parents[2] / "scripts" / "results"


@pytest.mark.slow
def test_shipped_digits_are_read_as_the_golden_model_does_cycles_included(tmp_path):
    design = load_design("moe-vit-digits")
    found = run_images("digits-core", task_of(design), 24, tmp_path)
    assert found.exact
    assert found.correct >= 22


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "task", "count"),
    [("moe-vit-digits", "digit", 360), ("moe-vit-digits", "parity", 360), ("moe-vit-glyphs", "glyph", 200)],
)
def test_whole_test_sets(preset, task, count, tmp_path):
    design = load_design(preset)
    found = run_images(f"{preset}-core", task_of(design, task=task), count, tmp_path)
    assert found.exact
    assert found.correct >= 0.96 * count


def test_the_core_and_the_graph_agree_on_the_glyphs():
    """Two golden models, written apart: the room's and the integer graph's."""
    design = load_design("moe-vit-glyphs")
    task = task_of(design)
    wanted, provide = task.wanted(2), constants(design.config.core)
    for image, expected in zip(task._images[:2], wanted, strict=True):
        found = infer(design.config.core, image, 0, provide)
        np.testing.assert_array_equal(np.concatenate([found.scores, found.routes.ravel()]), expected)


@pytest.mark.parametrize(("preset", "tokens", "least"), [("moe-vit-digits", 17, 0.9), ("moe-vit-glyphs", 65, 0.94)])
def test_the_array_is_busy(preset, tokens, least):
    core = load_design(preset).config.core
    assert core.tokens == tokens
    assert core.utilisation >= least


def test_a_frame_of_edge_moe_takes_less_than_17_ms_with_as_many_multipliers():
    """Two blocks of twelve: the others repeat them."""
    shape = {
        "channels": 3, "height": 128, "width": 256, "patch": 16, "features": 192, "hidden": 768, "expert_hidden": 384,
        "tasks": 2, "inputs_per_cycle": 16, "outputs_per_cycle": 16, "lanes": 2, "gate": {"experts": 16, "k": 2},
        "attention": {"heads": 3, "head_dim": 64, "parallel": 4, "lanes": 8},
    }  # fmt: skip
    short = typical(VitCoreConfig(**shape, layers=2), 8)
    pair = typical(VitCoreConfig(**shape, layers=4), 8) - short
    assert (short + 5 * pair) / 300e3 < 13.0


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_a_mixture_come_once_for_each_expert_that_has_tokens(seed):
    config = VitCoreConfig(**SMALL)
    inputs = stimulus(config, np.random.default_rng(seed), "random", 200)
    fetched = golden(config, inputs)["o_fetch"]["matrix"].tolist()
    runs = len(np.flatnonzero(inputs["i"]["good"]))
    replies = golden(config, inputs)["o"]["data"].reshape(runs, -1)
    routes = replies[:, 2 * config.classes :]
    experts = [number for number in fetched if config.matrices[number].kind in (Kind.EXPERT1, Kind.EXPERT2)]
    used = sum(len(np.unique(route)) for route in routes)
    assert len(experts) == 2 * used
    expert = config.beats(Kind.EXPERT1) + config.beats(Kind.EXPERT2)
    rest = sum(config.beats(matrix.kind) for matrix in config.matrices
               if matrix.kind not in (Kind.EXPERT1, Kind.EXPERT2))  # fmt: skip
    assert len(inputs["i_w"]["last"]) == used * expert + runs * rest


def test_work_is_what_the_schedule_multiplies():
    config = VitCoreConfig(**SMALL)
    shares = {expert: [token for token in range(config.tokens) if (2 * token) % 4 in (expert, expert - 1)]
              for expert in range(4)}  # fmt: skip
    work = sum(
        len(tokens) * config.inputs_of(matrix.kind) * config.outputs_of(matrix.kind)
        for matrix, tokens in passes(config, [shares], 0)
    )
    assert work == macs(config)


def test_time_depends_on_the_routes():
    config = VitCoreConfig(**SMALL)
    everyone = list(range(config.tokens))
    fair = Machine(config).image(0, 0, [{0: everyone, 1: everyone}])
    spread = Machine(config).image(0, 0, [{expert: everyone[expert::2] for expert in range(4) if everyone[expert::2]}])
    assert fair != spread


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"height": 5}, "vit_core.height must be a multiple of patch = 2, not 5"),
        ({"inputs_per_cycle": 6}, "vit_core.inputs_per_cycle must be a power of two, not 6"),
        ({"features": 18}, "vit_core.features must be a multiple of 4, not 18"),
        ({"lanes": 8}, "vit_core.lanes must divide inputs_per_cycle = 4, not 8"),
        ({"positions": ("00",)}, "vit_core.positions must hold 5 rows, not 1"),
        ({"attention": {"tokens": 6}}, "vit_core.attention.tokens must be 5, not 6"),
        ({"store": "constant"}, "vit_core.weights must hold 16 matrices for store constant, not 0"),
        ({"layers": 1}, "vit_core.layers must lie in 2..64, not 1"),
    ],
)
def test_refusals(values, line):
    with pytest.raises(ConfigError, match=f"^{re.escape(line)}$"):
        VitCoreConfig(**values)


def test_saved_results_hold_the_bars():
    rows = json.loads((RESULTS / "moe_vit.json").read_text())["rows"]
    assert {(row["preset"], row["task"]) for row in rows} == {
        ("moe-vit-digits", "digit"), ("moe-vit-digits", "parity"), ("moe-vit-glyphs", "glyph")
    }  # fmt: skip
    for row in rows:
        assert row["identical_to_golden"] == row["cycles_as_predicted"] == row["images"] >= 200
        assert row["accuracy"] >= 0.96
        assert row["accuracy"] >= row["accuracy_float_model"] - 0.005
        if row["tokens"] >= 64:
            assert row["utilisation"] >= 0.85
