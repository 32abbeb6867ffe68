# SPDX-License-Identifier: BSD-2-Clause
"""The saved builds of ternary-linear: still of the preset as it is, and what they promise holds."""

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


def report(board):
    return json.loads((RESULTS / f"ternary_linear_{board.replace('-', '_')}.json").read_text())


@pytest.mark.parametrize("board", LEAST)
def test_saved_build_meets_what_it_promises(board):
    saved, core = report(board), load_design("ternary-linear", board).config.core
    assert (saved["weights"], saved["cycles_per_run"]) == (core.macs, core.run_cycles)
    assert saved["weights"] >= LEAST[board][0]
    assert saved["macs_per_cycle"] >= LEAST[board][1]
    assert saved["netlist_check"]["wrong"] == 0
    assert saved["netlist_check"]["inputs"] >= 3
    assert saved["netlist_check"]["cycles_per_input"] == core.run_cycles
    (clock,) = saved["timing"]
    assert clock["achieved_mhz"] >= clock["required_mhz"] >= LEAST_MHZ[board]
    assert clock["met"]


def test_weights_of_the_saved_icebreaker_fill_one_port_ram():
    used = {row["resource"]: row["used"] for row in report("icebreaker")["utilisation"]}
    assert used["SPRAM"] == 4


@pytest.mark.slow
def test_icebreaker_builds_as_saved(tmp_path):
    board = "icebreaker"
    result = build_design(load_design("ternary-linear", board), find_board(board), tmp_path)
    assert result.report["synthesis"] == report(board)["synthesis"]
    assert result.report["bitstream_sha256"] == report(board)["bitstream_sha256"]
