# SPDX-License-Identifier: BSD-2-Clause
"""The saved builds: still of the presets as they are, and what they promise holds."""

import json
from pathlib import Path

import pytest

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.board import build_design
from gatewright.gen.presets import load_design

RESULTS = Path(__file__).resolve().parents[2] / "scripts" / "results"
LEAST_MHZ = {"ulx3s-85f": 60, "icebreaker": 12}
# Weights, and multiplications a cycle from the last input octet to the last sum.
LEAST = {"ulx3s-85f": (1_000_000, 512), "icebreaker": (640_000, 39)}


def report(board, preset="ternary-linear"):
    return json.loads((RESULTS / f"{preset}_{board}.json".replace("-", "_")).read_text())


@pytest.mark.parametrize("board", LEAST)
def test_saved_build_meets_what_it_promises(board):
    saved, core = report(board), load_design("ternary-linear", board).config.core
    assert (saved["multiplications"], saved["cycles_per_run"]) == (core.macs, core.run_cycles)
    assert saved["multiplications"] >= LEAST[board][0]
    assert saved["macs_per_cycle"] >= LEAST[board][1]
    assert saved["netlist_check"]["wrong"] == 0
    assert saved["netlist_check"]["inputs"] >= 3
    assert saved["netlist_check"]["cycles_per_input"] == core.run_cycles
    (clock,) = saved["timing"]
    assert clock["achieved_mhz"] >= clock["required_mhz"] >= LEAST_MHZ[board]
    assert clock["met"]


def test_saved_vision_transformer_meets_its_clock_and_its_netlist_reads_ten_images():
    saved, design = report("ulx3s-85f", "moe-vit-digits"), load_design("moe-vit-digits", "ulx3s-85f")
    core = design.config.core
    assert (saved["multiplications"], saved["cycles_per_run"]) == (core.macs, core.run_cycles)
    check = saved["netlist_check"]
    assert (check["inputs"], check["wrong"]) == (10, 0)
    assert abs(check["cycles_per_input"] - core.run_cycles) < 0.01 * core.run_cycles  # routes move it a little
    (clock,) = saved["timing"]
    assert clock["met"]
    assert clock["achieved_mhz"] >= clock["required_mhz"] == design.config.clock_hz / 1e6
    assert saved["runs_per_second"] == round(design.config.clock_hz / check["cycles_per_input"], 1)


def test_weights_of_the_saved_icebreaker_fill_one_port_ram():
    used = {row["resource"]: row["used"] for row in report("icebreaker")["utilisation"]}
    assert used["SPRAM"] == 4


@pytest.mark.slow
def test_icebreaker_builds_as_saved(tmp_path):
    board = "icebreaker"
    result = build_design(load_design("ternary-linear", board), find_board(board), tmp_path)
    assert result.report["synthesis"] == report(board)["synthesis"]
    assert result.report["bitstream_sha256"] == report(board)["bitstream_sha256"]
