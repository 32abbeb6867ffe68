# SPDX-License-Identifier: BSD-2-Clause
"""Mapping memories one by one gives what Yosys' plain flow gives."""

import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.gen.flow import memories
from gatewright.gen.flow.synth import SynthOptions, synthesise


@pytest.mark.parametrize("storage", ["distributed", pytest.param("block", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "family", ["ecp5", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ice40", "gowin", "xilinx"))]
)
def test_memories_are_the_same_and_logic_within_three_percent(family, storage, tmp_path, monkeypatch):
    design = design_of("tlmm", "engine", groups=3, outputs_per_cycle=2, sweep_max=4, blocks_max=2, storage=storage)
    generate(design, tmp_path / "rtl")
    verilog = [tmp_path / "rtl" / f"{design.top}.v"]
    assert not memories.has_many([verilog[0].read_text()])
    plain = synthesise(verilog, design.top, family, tmp_path / "plain", SynthOptions(dsp=False))
    monkeypatch.setattr(memories, "MANY", 0)
    apart = synthesise(verilog, design.top, family, tmp_path / "apart", SynthOptions(dsp=False))
    assert "submod" in (tmp_path / "apart" / "synth.ys").read_text()
    assert "submod" in (tmp_path / "apart" / "source0.v").read_text()
    logic = ("LUT4", "LUTeq", "MUX", "SHARED")
    assert {name: value for name, value in apart.counts.items() if name not in logic} == {
        name: value for name, value in plain.counts.items() if name not in logic
    }
    assert apart.counts["LUTeq"] == pytest.approx(plain.counts["LUTeq"], rel=0.03)
    assert apart.ports == plain.ports
