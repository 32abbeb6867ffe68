# SPDX-License-Identifier: BSD-2-Clause
"""Registers move into ECP5 multipliers exactly where that changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.gen.flow.netlist_check import check_netlist
from gatewright.gen.flow.synth import synthesise

HEAD = "module top(input clk, rst, en, load, input signed [7:0] a, b, "

# Each fits completely: operands and product.
FIT = """\
output reg signed [15:0] p, output reg [35:0] wide, output signed [15:0] square, output reg signed [7:0] seen);
    reg signed [7:0] x, y;
    reg [17:0] u, v;
    reg signed [7:0] s;
    reg signed [15:0] ss;
    assign square = ss;
    always @(posedge clk) begin
        if (en) x <= a;
        if (load) y <= b;
        if (en) p <= x * y;
        seen <= x;
        u <= {a, b, load, en}; v <= {b, a, en, load}; wide <= u * v;
        s <= a - b; ss <= s * s;
    end
endmodule
"""


def multipliers(netlist: Path) -> list[dict[str, Any]]:
    cells = json.loads(netlist.read_text())["modules"]["top"]["cells"].values()
    return [cell["parameters"] for cell in cells if cell["type"] == "MULT18X18D"]


def moved(folder: Path, body: str) -> list[tuple[bool, bool, bool]]:
    """Synthesise and say which registers each multiplier got."""
    source = folder / "top.v"
    source.write_text(HEAD + body)
    synth = synthesise([source], "top", "ecp5", folder / "synth")
    used = [
        tuple(hard.get(f"{name}_CLK", "NONE") != "NONE" for name in ("REG_INPUTA", "REG_INPUTB", "REG_OUTPUT"))
        for hard in multipliers(synth.json_netlist)
    ]
    assert synth.cells["MULT18X18D"] == len(used)
    return [(a, b, p) for a, b, p in used]


def test_registers_move_with_their_enables_and_stay_where_others_read_them(tmp_path: Path) -> None:
    assert moved(tmp_path, FIT) == [(True, True, True)] * 3
    # x feeds seen as well, so it stays beside its copy; the operands and products that are read nowhere else left.
    cells = json.loads((tmp_path / "synth" / "synth.json").read_text())["modules"]["top"]["cells"].values()
    assert sum(cell["type"] == "TRELLIS_FF" for cell in cells) == 8 + 8
    found = check_netlist(tmp_path / "top.v", tmp_path / "synth" / "synth.json", "top", "ecp5", tmp_path / "check")
    assert found.outputs_moved == found.outputs_compared == 4


@pytest.mark.parametrize(
    ("why", "body", "expected"),
    [
        (
            "one operand has no register",
            "output reg signed [15:0] p); reg signed [7:0] x; always @(posedge clk) begin x <= a; p <= x * b; end",
            (False, False, True),
        ),
        (
            "the product is read before its register",
            "output reg signed [15:0] p, output odd); reg signed [7:0] x, y; wire signed [15:0] q = x * y;"
            "assign odd = ^q; always @(posedge clk) begin x <= a; y <= b; p <= q; end",
            (True, True, False),
        ),
        (
            "an operand's register has a reset",
            "output reg signed [15:0] p); reg signed [7:0] x, y;"
            "always @(posedge clk) begin x <= a; y <= b; if (rst) x <= 0; p <= x * y; end",
            (False, False, True),
        ),
        (
            "an operand's register starts at another value",
            "output reg signed [15:0] p); reg signed [7:0] x = 5, y;"
            "always @(posedge clk) begin x <= a; y <= b; p <= x * y; end",
            (False, False, True),
        ),
        (
            "half of an operand has another enable",
            "output reg signed [15:0] p); reg signed [7:0] x, y;"
            "always @(posedge clk) begin x[3:0] <= a; if (en) x[7:4] <= b; y <= b; p <= x * y; end",
            (False, False, True),
        ),
        (
            "the product is its own operand's next value",
            "output reg signed [7:0] p); reg signed [7:0] y; always @(posedge clk) begin y <= b; p <= p * y; end",
            (True, True, False),
        ),
        (
            "the operands come from two clock edges",
            "output reg signed [15:0] p); reg signed [7:0] x, y;"
            "always @(negedge clk) x <= a; always @(posedge clk) begin y <= b; p <= x * y; end",
            (False, False, True),
        ),
    ],
)
def test_registers_stay_outside_where(tmp_path: Path, why: str, body: str, expected: tuple[bool, ...]) -> None:
    assert moved(tmp_path, body + "\nendmodule\n") == [expected], why
