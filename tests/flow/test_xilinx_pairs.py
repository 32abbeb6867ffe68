# SPDX-License-Identifier: BSD-2-Clause
"""LUTs in front of an UltraScale+ carry are paired where one LUT6 with two outputs holds both."""

import pytest

from gatewright.gen.flow.synth import synthesise

ADDER = """\
module add(input [7:0] a, b, input s, t, u, input [7:0] c, output [8:0] y);
  assign y = {sum};
endmodule
"""


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("a + b", 0),  # the operand goes straight into the carry
        ("(a ^ {8{s}}) + (b ^ {8{t}})", 7),  # four inputs a bit; the lowest is simplified
        ("(a ^ {8{s}}) + ((b & c) ^ {8{t}})", 7),  # five
    ],
)
def test_pairs(text, shared, tmp_path):
    source = tmp_path / "add.v"
    source.write_text(ADDER.replace("{sum}", text))
    counts = synthesise([source], "add", "xilinx", tmp_path / "synth").counts
    assert counts["SHARED"] == shared
    assert counts["LUTeq"] == counts["LUT6"] >= 8 + shared
