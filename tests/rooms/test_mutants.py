# SPDX-License-Identifier: BSD-2-Clause
"""Benches of the arithmetic rooms notice injected faults."""

import pytest

from gatewright.gen.mutants import PASS, inject, score_room
from gatewright.gen.registry import find_room

QUICK = ("requantise", "dequantise", "pe", "systolic_os", "systolic_ws", "cube", "broadcast", "adder_tree")
# Many variants, or survivors whose proofs take minutes.
LONG = (
    "divide", "function", "activation", "gated", "softmax", "norm", "quantise_rows", "trit_decode", "trit_encode",
    "tlmm",
)  # fmt: skip


def check(name, folder, count):
    for score in score_room(find_room(name), folder, count, 7):
        assert score.total == count
        assert score.score >= PASS, (score.parameters, score.survivors)


@pytest.mark.parametrize("name", QUICK)
def test_bench_notices_at_least_95_percent_of_injected_faults(name, tmp_path):
    check(name, tmp_path, 40)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_bench_notices_at_least_95_percent_of_faults_in_every_variant(name, tmp_path):
    check(name, tmp_path, 100)


INNER = """
module leaf(input clk, input [3:0] a, output reg [3:0] q);
  wire [3:0] sum = q + a;
  always @(posedge clk) q <= sum ^ {4{a[0]}};
endmodule
module middle(input clk, input [3:0] a, output [3:0] q);
  wire [3:0] near;
  leaf inner(.clk(clk), .a(a), .q(near));
  leaf other(.clk(clk), .a(near & a), .q(q));
endmodule
module top(input clk, input [3:0] a, output [3:0] q);
  wire [3:0] far;
  middle outer(.clk(clk), .a(a | 4'd2), .q(far));
  assign q = far - a;
endmodule
"""


def test_faults_stay_out_of_rooms_with_benches_of_their_own(tmp_path):
    (tmp_path / "top.v").write_text(INNER)
    where = {apart: " ".join(inject(tmp_path, "top.v", "top", 60, 1, apart)) for apart in ((), ("outer.inner",))}
    assert "inner" in where[()]
    assert "inner" not in where[("outer.inner",)]
    assert "other" in where[("outer.inner",)]
