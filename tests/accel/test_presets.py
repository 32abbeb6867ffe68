# SPDX-License-Identifier: BSD-2-Clause
"""The shipped accelerators: clean Verilog, the same bytes everywhere, right answers through the UART."""

import re
import tomllib

import pytest
from tests.rooms.test_laws import check_verilog

from gatewright.fpga_boards.registry import boards, find_board
from gatewright.gen.board import board_top, emit_for_board
from gatewright.gen.emit import generate
from gatewright.gen.presets import folder, load_design, presets
from gatewright.gen.run import classify, simulate, task_of

PRESETS = sorted(presets())
LARGE = {"moe-vit-digits", "moe-vit-glyphs", "kjv-transformer", "kjv-mlgru", "kjv-mqa"}
LARGE_ON = {("ternary-linear", "ulx3s-85f")}


def boards_of(preset):
    """Give the boards that a preset names."""
    named = tomllib.loads((folder() / f"{preset}.toml").read_text()).get("board", {})
    return [board for board in boards() if board in named]


CASES = [
    pytest.param(preset, board, marks=[pytest.mark.slow] * (preset in LARGE or (preset, board) in LARGE_ON))
    for preset in PRESETS for board in boards_of(preset)
]  # fmt: skip


@pytest.mark.parametrize(
    "preset", [pytest.param(preset, marks=[pytest.mark.slow] * (preset in LARGE)) for preset in PRESETS]
)
def test_preset_is_clean_in_three_tools(preset, tmp_path):
    design = load_design(preset)
    generate(design, tmp_path / "rtl")
    check_verilog(tmp_path / "rtl", f"{design.top}.v", design.top)


@pytest.mark.parametrize(("preset", "board"), CASES)
def test_board_top_is_clean_and_the_same_in_every_folder(preset, board, tmp_path):
    design, target = load_design(preset, board), find_board(board)
    first = emit_for_board(design, target, tmp_path / "a")
    second = emit_for_board(load_design(preset, board), target, tmp_path / "deeper" / "b")
    assert first.read_bytes() == second.read_bytes()
    assert not re.search(r"/(home|root|tmp|work|usr)/|site-packages", first.read_text())
    check_verilog(first.parent, first.name, board_top(design, target))


def test_generated_config_reproduces_the_design(tmp_path):
    design = load_design("mlp-digits", "icebreaker")
    generate(design, tmp_path / "one")
    again = load_design(str(tmp_path / "one" / "config.toml"))
    generate(again, tmp_path / "two")
    name = f"{design.top}.v"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_rtl_reads_the_held_out_digits_as_the_golden_network_does(tmp_path):
    design = load_design("mlp-digits", "icebreaker")
    task = task_of(design)
    verdict = classify(design, task, simulate(design, tmp_path), len(task.codes))
    assert verdict.inputs == 450
    assert verdict.identical == 450
    assert verdict.correct >= 0.97 * 450
    assert verdict.cycles == verdict.predicted_cycles
    assert verdict.exact


def test_a_wrong_weight_is_noticed(tmp_path):
    """The comparison with the golden network can fail: one weight changed in the hardware only."""
    from gatewright.gen.design import Design

    design = load_design("mlp-digits", "icebreaker")
    first = design.config.core.layers[0]
    weights = (first.weights[0], first.weights[1], *(-w for w in first.weights[2:12]), *first.weights[12:])
    layers = (first.model_copy(update={"weights": weights}), *design.config.core.layers[1:])
    core = design.config.core.model_copy(update={"layers": layers})
    broken = Design("broken", design.room, design.config.model_copy(update={"core": core}), design.settings)
    task = task_of(design)
    verdict = classify(broken, task, simulate(broken, tmp_path), 40)
    assert not verdict.exact
    assert verdict.identical < 40
