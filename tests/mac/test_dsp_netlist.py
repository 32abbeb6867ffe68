# SPDX-License-Identifier: BSD-2-Clause
"""An array whose registers went into ECP5's hard multipliers still computes what its RTL does."""

import json
from pathlib import Path

from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.gen.flow.netlist_check import check_netlist
from gatewright.gen.flow.synth import synthesise


def test_every_multiplier_of_the_array_holds_its_registers_and_the_netlist_equals_the_rtl(tmp_path: Path) -> None:
    design = design_of("systolic_ws", rows=2, cols=2, acc_bits=17, multiplier="dsp")
    source = tmp_path / "array.v"
    source.write_text(verilog(design))
    synth = synthesise([source], design.top, "ecp5", tmp_path / "synth")
    cells = json.loads(synth.json_netlist.read_text())["modules"][design.top]["cells"].values()
    hard = [cell for cell in cells if cell["type"] == "MULT18X18D"]
    assert len(hard) == synth.cells["MULT18X18D"] == 4
    for cell in hard:
        for register in ("REG_INPUTA", "REG_INPUTB", "REG_OUTPUT"):
            assert cell["parameters"][f"{register}_CLK"] == "CLK0"
            enable = cell["parameters"][f"{register}_CE"]
            assert cell["connections"][enable] not in ([], ["0"], ["x"])
    found = check_netlist(source, synth.json_netlist, design.top, "ecp5", tmp_path / "check", cycles=2000)
    assert found.mismatches == 0
    assert found.outputs_moved == found.outputs_compared
