# SPDX-License-Identifier: BSD-2-Clause
"""The proof that a fault can't be seen accepts what stream rules hide and refuses everything else."""

import json
import re

import pytest

from gatewright.gen.fault_proofs import both, ports, proved_equal
from gatewright.gen.mutants import Score, save_scores
from gatewright.tb.tools import run_yosys

# One register stage. Fault 1 corrupts what is not valid, 2 what is, 3 makes valid wait for ready,
# 4 takes the payload late: a sender that keeps the rules never shows it. 5 flips a bit after 9 beats.
STAGE = """\
module stage({ports});
  input clk; input rst;
  input [3:0] i__payload; input i__valid; output i__ready;
  output [3:0] o__payload; output o__valid; input o__ready;
  {select}
  reg full = 0; reg [3:0] data = 0; reg stalled = 0; reg [3:0] early = 0; reg [3:0] beats = 0;
  wire move = (~full & (mutant_select != 3)) | o__ready;
  assign i__ready = move;
  assign o__valid = full;
  assign o__payload = data ^ (mutant_select == 1 & ~full) ^ (mutant_select == 2 & full)
    ^ (mutant_select == 5 & beats == 9);
  always @(posedge clk) begin
    stalled <= i__valid & ~move & ~rst;
    early <= i__payload;
    if (move) begin full <= i__valid; data <= mutant_select == 4 & stalled ? early : i__payload; end
    if (full & o__ready) beats <= beats + 1;
    if (rst) full <= 0;
  end
endmodule
"""
PORTS = "clk, rst, i__payload, i__valid, i__ready, o__payload, o__valid, o__ready"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    (folder / "stage.v").write_text(STAGE.format(ports=PORTS, select="wire [11:0] mutant_select = 0;"))
    (folder / "many.v").write_text(
        STAGE.format(ports=f"{PORTS}, mutant_select", select="input [11:0] mutant_select;")
    )
    run_yosys("read_verilog many.v\nproc\nopt_clean\nwrite_rtlil mutants.il\n", folder, "make")
    lines = (folder / "stage.v").read_text().replace("; ", ";\n").splitlines()
    (folder / "stage.v").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize(("number", "hidden"), [(0, True), (1, True), (2, False), (3, False), (4, True), (5, False)])
def test_only_faults_that_no_port_shows_are_proved_equal(work, number, hidden):
    assert proved_equal("stage", number, work) is hidden


def test_ports_are_read_with_direction_and_width(work):
    found = ports((work / "stage.v").read_text(), "stage")
    assert ("input", 4, "i__payload") in found
    assert ("output", 1, "o__valid") in found
    assert len(found) == 8


def test_payload_counts_only_while_valid():
    text = both([("input", 1, "clk"), ("output", 4, "o__payload"), ("output", 1, "o__valid"), ("output", 1, "lamp")])
    assert "gold_o__valid & (gold_o__payload != gate_o__payload)" in text
    assert "(gold_lamp != gate_lamp)" in text


def test_saved_scores_replace_those_of_the_same_room_only(tmp_path):
    path = tmp_path / "mutants.json"
    save_scores(path, [Score("b", {"k": 1}, 10, 9), Score("a", {}, 10, 10)], 10, 1)
    save_scores(path, [Score("b", {"k": 2}, 20, 20)], 20, 3)
    rows = json.loads(path.read_text())["scores"]
    assert [(row["room"], row["parameters"], row["score"]) for row in rows] == [("a", {}, 1.0), ("b", {"k": 2}, 1.0)]
    assert rows[1]["command"] == "gatewright verify --room b --mutants --count 20 --seed 3"


def test_scores_name_long_constants_by_checksum():
    one, other = (Score("a", {"k": 1, "words": (0,) * 500 + (last,)}, 10, 9).as_json()["parameters"] for last in (1, 2))
    assert one["k"] == 1
    assert re.fullmatch(r"501 constants, SHA-256 [0-9a-f]{16}", one["words"])
    assert one["words"] != other["words"]
