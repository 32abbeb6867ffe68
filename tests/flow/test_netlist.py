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
    reg signed [15:0] p0, p1;
    always @(posedge clk) begin p0 <= a * b; p1 <= c * d; y <= p0 + p1; end
endmodule
"""

SINGLE_PORT = """\
module single_port(input clk, en, we, input [3:0] mask, input [13:0] a, input [15:0] d, output reg [15:0] q);
    reg [15:0] words [0:16383];
    integer i;
    initial q = 0;
    always @(posedge clk) if (en) begin
        if (!we) q <= words[a];
        else for (i = 0; i < 4; i = i + 1) if (mask[i]) words[a][4*i +: 4] <= d[4*i +: 4];
    end
endmodule
"""

EVERY = Path(__file__).with_name("every_primitive.v").read_text()


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


def parameter_values(netlist: Path, top: str, cell: str, parameter: str) -> set[object]:
    """Collect a parameter over the cells of one type; Yosys writes numbers in binary."""
    module = json.loads(netlist.read_text())["modules"][top]
    of_type = [item["parameters"] for item in module["cells"].values() if item["type"] == cell]
    found = {given[parameter] for given in of_type if parameter in given}
    return {int(value, 2) if set(value) <= set("01") else value for value in found}


def test_the_product_that_yosys_drops_is_refused(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, TWO_PRODUCTS, "dot", SYNTH["ice40"])
    with pytest.raises(VerificationError, match=r"netlist of dot for ice40 differs .* port y is .*; try --no-dsp$"):
        check_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check")


def test_the_same_sum_passes_in_logic_until_one_lookup_table_is_wrong(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, TWO_PRODUCTS, "dot", "synth_ice40")
    assert "SB_MAC16" not in cell_types(netlist, "dot")
    assert check_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check").mismatches == 0
    design = json.loads(netlist.read_text())
    cells = design["modules"]["dot"]["cells"]
    lut = next(cell for _, cell in sorted(cells.items()) if cell["type"] == "SB_LUT4")
    lut["parameters"]["LUT_INIT"] = lut["parameters"]["LUT_INIT"].translate(str.maketrans("01", "10"))
    netlist.write_text(json.dumps(design))
    found = compare_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check")
    assert found.mismatches > 0
    assert found.first is not None


# What must be in the netlist, so that the comparison says something about it: cells, then the values of parameters.
CELLS = {
    "ecp5": {"CCU2C", "TRELLIS_DPR16X4", "TRELLIS_FF", "MULT18X18D", "DP16KD"},
    "ice40": {"SB_CARRY", "SB_DFFESR", "SB_MAC16", "SB_RAM40_4K"},
    "gowin": {"ALU", "RAM16SDP4", "DFFRE", "MULT9X9", "MULT18X18", "SP", "SPX9", "DPB", "DPX9B", "SDPX9B"},
}
VALUES: dict[str, dict[tuple[str, str], set[object]]] = {
    "ecp5": {
        ("DP16KD", "DATA_WIDTH_A"): {1, 2, 4, 9, 18, 36},
        ("DP16KD", "WRITEMODE_A"): {"NORMAL", "WRITETHROUGH", "READBEFOREWRITE"},
        ("DP16KD", "RESETMODE"): {"SYNC", "ASYNC"},
    },
    "ice40": {("SB_RAM40_4K", "READ_MODE"): {0, 1, 2, 3}, ("SB_RAM40_4K", "WRITE_MODE"): {0, 1, 2, 3}},
    "gowin": {
        ("SP", "BIT_WIDTH"): {1, 2, 4},
        ("SPX9", "BIT_WIDTH"): {9, 18, 36},
        ("SPX9", "WRITE_MODE"): {0, 1, 2},
        ("DPB", "BIT_WIDTH_0"): {1, 2, 4},
        ("DPX9B", "BIT_WIDTH_0"): {9, 18},
        ("DPX9B", "RESET_MODE"): {"SYNC", "ASYNC"},
    },
}


@pytest.mark.parametrize("family", CELLS)
def test_every_primitive_that_synthesis_infers_equals_its_rtl(tmp_path: Path, family: str) -> None:
    rtl, netlist = synthesise(tmp_path, EVERY, "every_primitive", SYNTH[family])
    assert cell_types(netlist, "every_primitive") >= CELLS[family]
    for (cell, parameter), values in VALUES[family].items():
        assert parameter_values(netlist, "every_primitive", cell, parameter) >= values, (cell, parameter)
    found = check_netlist(rtl, netlist, "every_primitive", family, tmp_path / "check", cycles=20000)
    assert found.mismatches == 0
    assert found.cycles == 20000
    assert found.outputs_moved == found.outputs_compared == 27


def test_spram_with_a_write_mask_equals_its_rtl(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, SINGLE_PORT, "single_port", "synth_ice40 -device u -spram")
    assert "SB_SPRAM256KA" in cell_types(netlist, "single_port")
    few = np.random.default_rng(3).integers(0, 16, 8192) * 1092  # so that words are read after they are written
    found = check_netlist(rtl, netlist, "single_port", "ice40", tmp_path / "check", cycles=8192, drive={"a": few})
    assert found.mismatches == 0
    assert found.outputs_moved == 1


def test_a_reader_wider_than_its_writer_equals_its_rtl_on_ecp5(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, EVERY, "two_widths", SYNTH["ecp5"])
    assert parameter_values(netlist, "two_widths", "DP16KD", "DATA_WIDTH_B") == {18}
    assert check_netlist(rtl, netlist, "two_widths", "ecp5", tmp_path / "check").mismatches == 0


def test_the_half_word_that_yosys_drops_on_gowin_is_refused(tmp_path: Path) -> None:
    # Yosys 0.70 gives both ports of a two-port memory the width of the first.
    rtl, netlist = synthesise(tmp_path, EVERY, "two_widths", SYNTH["gowin"])
    with pytest.raises(VerificationError, match=r"netlist of two_widths for gowin differs .* port q is "):
        check_netlist(rtl, netlist, "two_widths", "gowin", tmp_path / "check")


def test_ports_that_differ_are_refused(tmp_path: Path) -> None:
    rtl, netlist = synthesise(tmp_path, TWO_PRODUCTS, "dot", "synth_ice40")
    rtl.write_text(rtl.read_text().replace("reg signed [16:0] y", "reg signed [17:0] y"))
    with pytest.raises(VerificationError, match="output y has 17 bits, not 18"):
        check_netlist(rtl, netlist, "dot", "ice40", tmp_path / "check")


def test_a_primitive_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "n.v").write_text("module t(input a, output y); DCCA p(.CLKI(a), .CLKO(y)); endmodule\n"
        "(* blackbox *) module DCCA(input CLKI, output CLKO); endmodule\n")  # fmt: skip
    with pytest.raises(ToolError, match="DCCA"):
        simulation_netlist(tmp_path, tmp_path / "n.v", "t", "ecp5")


def test_serial_line_plays_start_data_and_stop_bits() -> None:
    line = serial_line(b"\x35", 3, idle_bits=1)
    assert line.reshape(-1, 3).tolist() == [[b] * 3 for b in (1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1)]


def test_driven_inputs_hold_their_last_value() -> None:
    rows = stimulus([Port("a", 4, 0), Port("rx", 1, 4)], 5, 1, {"a": np.array([3, 9]), "rx": 1})
    assert (rows[:, 0] & 31).tolist() == [19, 25, 25, 25, 25]
