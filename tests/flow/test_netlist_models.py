# SPDX-License-Identifier: BSD-2-Clause
"""Primitives in modes that Yosys does not infer: instances against behavioural Verilog."""

from pathlib import Path

import pytest

from gatewright.gen.flow.netlist_check import check_netlist
from gatewright.hw.core.errors import ToolError

HEAD = "module t(input clk, rst, input signed [17:0] a, b, output signed [35:0] y);\n"


def _instance(**parameters: str) -> str:
    given = ", ".join(f'.{name}("{value}")' for name, value in parameters.items())
    pins = ", ".join(f".{p}{i}({p.lower()}[{i}])" for p in "AB" for i in range(18))
    out = ", ".join(f".P{i}(y[{i}])" for i in range(36))
    return (
        f"{HEAD} MULT18X18D #({given}) m ({pins}, {out}, .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0),"
        " .SOURCEB(1'b0), .CLK0(clk), .CE0(1'b1), .RST0(rst));\nendmodule\n"
    )


def _compare(folder: Path, netlist: str, rtl: str) -> int:
    (folder / "n.v").write_text(netlist)
    (folder / "r.v").write_text(rtl)
    found = check_netlist(folder / "r.v", folder / "n.v", "t", "ecp5", folder / "check")
    assert found.outputs_moved == 1
    return found.cycles


def test_registered_multiplier_delays_by_three(tmp_path: Path) -> None:
    stages = ("INPUTA", "INPUTB", "PIPELINE", "OUTPUT")
    netlist = _instance(**{f"REG_{stage}_CLK": "CLK0" for stage in stages})
    rtl = HEAD + (
        " reg signed [17:0] p, q; reg signed [35:0] r, s; assign y = s;\n initial {p, q, r, s} = 0;\n"
        " always @(posedge clk) if (rst) {p, q, r, s} <= 0;\n"
        " else begin p <= a; q <= b; r <= p * q; s <= r; end\nendmodule\n"
    )
    assert _compare(tmp_path, netlist, rtl) == 4096


def test_a_mode_that_is_not_modelled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="MULT18X18D_MULT_BYPASS_is_not_modelled"):
        _compare(tmp_path, _instance(MULT_BYPASS="ENABLED"), HEAD + " assign y = a * b;\nendmodule\n")
