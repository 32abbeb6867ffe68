# SPDX-License-Identifier: BSD-2-Clause
"""A netlist equals its RTL, for every primitive that the three families infer, or the check refuses it."""

import json
from pathlib import Path

import numpy as np
import pytest

from gatewright.gen.flow.netlist import simulation_netlist
from gatewright.gen.flow.netlist_check import Port, check_netlist, compare_netlist, serial_line, stimulus
from gatewright.hw.core.errors import ToolError, VerificationError
from gatewright.tb.tools import run_yosys

SYNTH = {"ecp5": "synth_ecp5", "ice40": "synth_ice40 -dsp", "gowin": "synth_gowin"}

TWO_PRODUCTS = """\
module dot(input clk, input signed [7:0] a, b, c, d, output reg signed [16:0] y);
    {keep} reg signed [15:0] p0, p1;
    always @(posedge clk) begin p0 <= a * b; p1 <= c * d; y <= p0 + p1; end
endmodule
"""

LOGIC = """\
module logic_cells(input clk, rst, en, input [31:0] a, b, input [3:0] wa, ra,
        output reg [32:0] sum, output reg [7:0] count, output reg flag, output reg [7:0] held, output [4:0] few,
        output less);
    reg [4:0] small [0:15];
    integer i;
    initial for (i = 0; i < 16; i = i + 1) small[i] = i * 7 + 3;
    initial begin count = 8'd93; flag = 1; held = 8'ha5; end
    assign few = small[ra];
    assign less = $signed(a) < $signed(b);
    always @(posedge clk) begin
        sum <= a + b;
        if (en) count <= count - a[2:0];
        if (rst) count <= 8'd93;
        if (rst) flag <= 1; else flag <= ^a;
        if (en & a[0]) held <= b[7:0];
        if (en) small[wa] <= b[4:0];
    end
endmodule
"""

PRODUCTS = """\
module products(input clk, en, input [17:0] a, b, output reg [35:0] uu, output reg [35:0] ss, output reg [15:0] small,
        output reg [24:0] mixed, output reg signed [31:0] acc);
    always @(posedge clk) begin
        uu <= a * b;
        ss <= $signed(a) * $signed(b);
        small <= $signed(a[7:0]) * $signed(b[7:0]);
        mixed <= $signed(a[15:0]) * $signed({1'b0, b[7:0]});
        if (en) acc <= acc + $signed(a[15:0]) * $signed(b[15:0]);
    end
    initial acc = 0;
endmodule
"""

MEMORIES = """\
module memories(input clk, en, we, input [11:0] ra, wa, input [35:0] d,
        output reg [35:0] wide, output reg [8:0] nine, output reg [3:0] nibble, output reg pin, output reg [7:0] rom);
    reg [35:0] m36 [0:255];
    reg [8:0] m9 [0:1023];
    reg [3:0] m4 [0:2047];
    reg m1 [0:4095];
    reg [7:0] table8 [0:1023];
    integer i;
    initial begin
        for (i = 0; i < 256; i = i + 1) m36[i] = i * 36'd20401093731;
        for (i = 0; i < 1024; i = i + 1) begin m9[i] = i * 77 + 5; table8[i] = (i * i + 3 * i) >> 2; end
        for (i = 0; i < 2048; i = i + 1) m4[i] = i * 11 >> 2;
        for (i = 0; i < 4096; i = i + 1) m1[i] = ^(i * 29);
    end
    always @(posedge clk) begin
        if (we) begin m36[wa[7:0]] <= d; m9[wa[9:0]] <= d[8:0]; m4[wa[10:0]] <= d[3:0]; m1[wa] <= d[0]; end
        if (en) begin wide <= m36[ra[7:0]]; nine <= m9[ra[9:0]]; nibble <= m4[ra[10:0]]; end
        pin <= m1[ra];
        rom <= table8[ra[9:0]];
    end
endmodule
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "design.v"
    path.write_text(text)
    return path


def synthesise(folder: Path, text: str, top: str, command: str) -> tuple[Path, Path]:
    rtl = write(folder, text)
    run_yosys(f"read_verilog -sv design.v\n{command} -top {top} -json netlist.json\n", folder, "synth")
    return rtl, folder / "netlist.json"


def cell_types(netlist: Path, top: str) -> set[str]:
    module = json.loads(netlist.read_text())["modules"][top]
    return {cell["type"].split("\\")[-1] for cell in module["cells"].values()}


def test_the_product_that_yosys_drops_is_refused(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, TWO_PRODUCTS.format(keep=""), "dot", SYNTH["ice40"])
    with pytest.raises(VerificationError, match=r"netlist of dot for ice40 differs .* port y is .*; try --no-dsp$"):
        check_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check")


@pytest.mark.parametrize(("keep", "command"), [("(* keep *)", "synth_ice40 -dsp"), ("", "synth_ice40")])
def test_the_same_sum_passes_when_its_products_are_kept_or_in_logic(tmp_path: Path, keep: str, command: str) -> None:
    rtl, netlist = synthesise(tmp_path, TWO_PRODUCTS.format(keep=keep), "dot", command)
    assert ("SB_MAC16" in cell_types(netlist, "dot")) == bool(keep)
    assert check_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check").mismatches == 0


CASES = [
    ("ecp5", LOGIC, "logic_cells", {"CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF"}),
    ("ice40", LOGIC, "logic_cells", {"SB_CARRY", "SB_DFFESR"}),
    ("gowin", LOGIC, "logic_cells", {"ALU", "RAM16SDP4", "DFFRE"}),
    ("ecp5", PRODUCTS, "products", {"MULT18X18D"}),
    ("ice40", PRODUCTS, "products", {"SB_MAC16"}),
    ("gowin", PRODUCTS, "products", {"MULT9X9", "MULT18X18"}),
    ("ecp5", MEMORIES, "memories", {"DP16KD"}),
    ("ice40", MEMORIES, "memories", {"SB_RAM40_4K"}),
    ("gowin", MEMORIES, "memories", {"SDPX9B"}),
]


@pytest.mark.parametrize(("family", "text", "top", "wanted"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_netlist_equals_rtl(tmp_path: Path, family: str, text: str, top: str, wanted: set[str]) -> None:
    rtl, netlist = synthesise(tmp_path, text, top, SYNTH[family])
    assert wanted <= cell_types(netlist, top)
    found = check_netlist(rtl, netlist, top, family, tmp_path / "check", cycles=20000)
    assert found.mismatches == 0
    assert found.cycles == 20000
    assert found.outputs_moved == found.outputs_compared >= 5


def test_one_wrong_lookup_table_is_caught(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, LOGIC, "logic_cells", SYNTH["ice40"])
    design = json.loads(netlist.read_text())
    cells = design["modules"]["logic_cells"]["cells"]
    lut = next(cell for _, cell in sorted(cells.items()) if cell["type"] == "SB_LUT4")
    init = lut["parameters"]["LUT_INIT"]
    lut["parameters"]["LUT_INIT"] = init.translate(str.maketrans("01", "10"))
    netlist.write_text(json.dumps(design))
    found = compare_netlist(rtl, netlist, "logic_cells", "ice40", tmp_path / "check")
    assert found.mismatches > 0
    assert found.first is not None


def test_ports_that_differ_are_refused(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, TWO_PRODUCTS.format(keep=""), "dot", "synth_ice40")
    rtl.write_text(rtl.read_text().replace("reg signed [16:0] y", "reg signed [17:0] y"))
    with pytest.raises(VerificationError, match="output y has 17 bits, not 18"):
        check_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check")


def test_a_primitive_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "n.v").write_text("module t(input a, output y); EHXPLLL p(.CLKI(a), .CLKOP(y)); endmodule\n"
        "(* blackbox *) module EHXPLLL(input CLKI, output CLKOP); endmodule\n")  # fmt: skip
    with pytest.raises(ToolError, match="EHXPLLL"):
        simulation_netlist(tmp_path, tmp_path / "n.v", "t", "ecp5")


def test_serial_line_plays_start_data_and_stop_bits() -> None:
    line = serial_line(b"\x35", 3, idle_bits=1)
    assert line.reshape(-1, 3).tolist() == [[b] * 3 for b in (1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1)]


def test_driven_inputs_hold_their_last_value() -> None:
    rows = stimulus([Port("a", 4, 0), Port("rx", 1, 4)], 5, 1, {"a": np.array([3, 9]), "rx": 1})
    assert (rows[:, 0] & 31).tolist() == [19, 25, 25, 25, 25]
