# SPDX-License-Identifier: BSD-2-Clause
"""Primitives in modes that Yosys does not infer: instances against behavioural Verilog."""

from pathlib import Path

import pytest

from gatewright.gen.flow.netlist_check import check_netlist
from gatewright.hw.core.errors import ToolError

HEAD = (
    "module t(input clk, rst, ce, move, sign, input signed [17:0] a, b, c, output signed [35:0] y, output [35:0] z,\n"
    "        output [17:0] sent);\n"
)
# One register of each stage, on four clocks, enables and resets; then no register, operand A from the shift input.
STAGES = {"INPUTA": 0, "INPUTB": 1, "PIPELINE": 2, "OUTPUT": 3}
BEHAVIOUR = HEAD + """\
    reg signed [17:0] p, q;
    reg signed [35:0] r, s;
    initial {p, q, r, s} = 0;
    assign y = s;
    always @(posedge clk) begin
        if (rst) p <= 0; else if (ce) p <= a;
        q <= b;
        if (rst) r <= 0; else r <= p * q;
        if (ce) s <= r;
    end
    assign sent = move ? c : a;
    wire signed [18:0] left = {sign & sent[17], sent}, right = {1'b0, b};
    wire signed [37:0] product = left * right;
    assign z = product[35:0];
endmodule
"""


def pins(port: str, signal: str, bits: int = 18) -> str:
    return ", ".join(f".{port}{bit}({signal}[{bit}])" for bit in range(bits))


def instances(**parameters: str) -> str:
    registers = {
        f"REG_{stage}_{pin}": f"{pin}{index}" for stage, index in STAGES.items() for pin in ("CLK", "CE", "RST")
    }
    given = ", ".join(f'.{name}("{value}")' for name, value in {**registers, **parameters}.items())
    clocks = ", ".join(f".CLK{index}(clk)" for index in range(4))
    return (
        f"{HEAD} MULT18X18D #({given}) one ({pins('A', 'a')}, {pins('B', 'b')}, {pins('P', 'y', 36)},\n"
        f"  .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0), {clocks}, .CE0(ce), .CE1(1'b1),\n"
        "  .CE2(1'b1), .CE3(ce), .RST0(rst), .RST1(1'b0), .RST2(rst), .RST3(1'b0));\n"
        f" MULT18X18D two ({pins('A', 'a')}, {pins('SRIA', 'c')}, {pins('B', 'b')}, {pins('P', 'z', 36)},\n"
        f"  {pins('SROA', 'sent')}, .SIGNEDA(sign), .SIGNEDB(1'b0), .SOURCEA(move), .SOURCEB(1'b0));\nendmodule\n"
    )


def compare(folder: Path, netlist: str) -> int:
    (folder / "n.v").write_text(netlist)
    (folder / "r.v").write_text(BEHAVIOUR)
    found = check_netlist(folder / "r.v", folder / "n.v", "t", "ecp5", folder / "check")
    assert found.outputs_moved == 3
    return found.cycles


def test_a_multiplier_with_every_register_and_one_fed_by_its_neighbour_equal_behaviour(tmp_path: Path) -> None:
    assert compare(tmp_path, instances()) == 4096


@pytest.mark.parametrize(
    ("parameter", "value", "line"),
    [
        ("MULT_BYPASS", "ENABLED", "MULT18X18D_MULT_BYPASS_is_not_modelled"),
        ("REG_OUTPUT_CLK", "CLK4", "MULT18X18D_a_register_s_clock_must_be_NONE_or_CLK0_CLK3"),
    ],
)
def test_a_mode_that_is_not_modelled_is_refused(tmp_path: Path, parameter: str, value: str, line: str) -> None:
    with pytest.raises(ToolError, match=line):
        compare(tmp_path, instances(**{parameter: value}))
