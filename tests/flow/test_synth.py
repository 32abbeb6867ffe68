# SPDX-License-Identifier: BSD-2-Clause
"""Synthesis options reach Yosys, and cells are counted in common words."""

import pytest

from gatewright.fpga_boards.parts import find_part
from gatewright.gen.flow.cells import count_cells
from gatewright.gen.flow.place import clock_name, parse_report, place_block
from gatewright.gen.flow.synth import SynthOptions, options_for, synthesise
from gatewright.hw.core.errors import ConfigError, ToolError

MAC = """\
module mac(input clk, input signed [7:0] a, b, output reg signed [31:0] y);
  always @(posedge clk) y <= y + a * b;
endmodule
"""


@pytest.fixture
def mac(tmp_path):
    path = tmp_path / "mac.v"
    path.write_text(MAC)
    return path


@pytest.mark.parametrize(
    ("options", "family", "flags"),
    [
        (SynthOptions(), "ecp5", "synth_ecp5"),
        (SynthOptions(dsp=False, wide_luts=False), "ecp5", "synth_ecp5 -nodsp -nowidelut"),
        (SynthOptions(dsp=False, booth=True), "ice40", "booth; synth_ice40"),
        (SynthOptions(device=("-device", "u")), "ice40", "synth_ice40 -device u -dsp"),
        (SynthOptions(spram=True), "ice40", "synth_ice40 -dsp -spram"),
        (SynthOptions(spram=True), "ecp5", "synth_ecp5"),
        (SynthOptions(flatten=False, device=("-family", "gw1n")), "gowin", "synth_gowin -family gw1n -noflatten"),
    ],
)
def test_flags_say_what_runs(options, family, flags):
    assert options.flags(family) == flags


def test_booth_is_refused_with_hardware_multipliers():
    with pytest.raises(ConfigError, match=r"^synthesis\.dsp must be off with booth"):
        SynthOptions(booth=True)


def test_a_part_without_multipliers_turns_them_off():
    assert not options_for(find_part("ice40-hx8k")).dsp
    assert options_for(find_part("ice40-up5k")).dsp


def test_ecp5_lut_sites_count_carries_twice_and_memories_four_times():
    counts = count_cells({"LUT4": 10, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 7, "MULT18X18D": 1}, "ecp5")
    assert counts == {"LUT4": 10, "CCU2C": 3, "DPR16X4": 2, "FF": 7, "DSP": 1, "LUTeq": 10 + 6 + 8}


def test_cells_of_the_other_families_find_their_words():
    ice40 = count_cells({"SB_LUT4": 5, "SB_CARRY": 4, "SB_DFFESR": 2, "SB_DFF": 1, "SB_MAC16": 1}, "ice40")
    assert ice40 == {"LUT4": 5, "CARRY": 4, "FF": 3, "DSP": 1, "LUTeq": 5}
    gowin = count_cells(
        {"LUT2": 5, "LUT4": 1, "ALU": 4, "DFFR": 2, "MULT9X9": 1, "pROM": 1, "SDPB": 2, "IBUF": 3}, "gowin"
    )
    assert gowin == {"LUT4": 6, "CARRY": 4, "FF": 2, "DSP": 1, "BRAM": 3, "IO": 3, "LUTeq": 10}
    assert count_cells({"USRMCLK": 1}, "ecp5")["OTHER"] == 1


def test_options_change_the_netlist(mac, tmp_path):
    hard = synthesise([mac], "mac", "ecp5", tmp_path / "hard")
    soft = synthesise([mac], "mac", "ecp5", tmp_path / "soft", SynthOptions(dsp=False, wide_luts=False))
    booth = synthesise([mac], "mac", "ecp5", tmp_path / "booth", SynthOptions(dsp=False, wide_luts=False, booth=True))
    assert (hard.counts["DSP"], soft.counts.get("DSP", 0), booth.counts.get("DSP", 0)) == (1, 0, 0)
    assert hard.counts["LUTeq"] < booth.counts["LUTeq"] < soft.counts["LUTeq"]
    assert hard.ports == {"clk": 1, "a": 8, "b": 8, "y": 32}


def test_a_techmap_replaces_leaf_modules_before_synthesis(tmp_path):
    (tmp_path / "top.v").write_text(
        "module gatewright_product(input [8:0] a, b, output [17:0] y); assign y = a * b; endmodule\n"
        "module top(input [8:0] a, b, output [17:0] y); gatewright_product leaf(.a(a), .b(b), .y(y)); endmodule\n"
    )
    (tmp_path / "map.v").write_text(
        "module gatewright_product(input [8:0] a, b, output [17:0] y);\n"
        "MULT18X18D leaf(.A0(a[0]), .B0(b[0]), .P0(y[0])); assign y[17:1] = 0; endmodule\n"
    )
    soft = SynthOptions(dsp=False)
    plain = synthesise([tmp_path / "top.v"], "top", "ecp5", tmp_path / "plain", soft)
    mapped = synthesise([tmp_path / "top.v"], "top", "ecp5", tmp_path / "mapped", soft, [tmp_path / "map.v"])
    assert "MULT18X18D" not in plain.cells
    assert mapped.cells == {"MULT18X18D": 1}


def test_a_wrong_top_name_is_a_tool_error(mac, tmp_path):
    with pytest.raises(ToolError, match="nowhere"):
        synthesise([mac], "nowhere", "ecp5", tmp_path / "work")


def test_a_block_is_measured_out_of_context(mac, tmp_path):
    netlist = synthesise([mac], "mac", "ecp5", tmp_path, SynthOptions(dsp=False))
    slow = place_block(netlist.json_netlist, find_part("ecp5-25f"), 500, tmp_path)
    assert not slow.met  # measured, not refused
    assert slow.fmax_mhz is not None
    assert 40 < slow.fmax_mhz < 500
    assert slow.utilisation["TRELLIS_IO"][0] == 0
    assert slow.utilisation["TRELLIS_FF"] == (32, find_part("ecp5-25f").capacity.ff)


def test_clock_names_lose_what_the_packers_added():
    names = ["$glbnet$clk$TRELLIS_IO_IN", "clk$SB_IO_IN_$glb_clk", "clk_IBUF_I_O", "clk"]
    assert {clock_name(name) for name in names} == {"clk"}


def test_a_report_gives_clocks_and_use():
    clocks, used = parse_report(
        {
            "fmax": {"$glbnet$clk$TRELLIS_IO_IN": {"achieved": 24.5, "constraint": 25.0}},
            "utilization": {"TRELLIS_FF": {"used": 3, "available": 10}},
        }
    )
    assert [(clock.name, clock.achieved_mhz, clock.met) for clock in clocks] == [("clk", 24.5, False)]
    assert used == {"TRELLIS_FF": (3, 10)}
