# SPDX-License-Identifier: BSD-2-Clause
"""What the softmax costs on ECP5: 4 lanes, 64 scores of 8 bits."""

import pytest

from gatewright.fpga_boards.parts import find_part
from gatewright.gen.emit import verilog
from gatewright.gen.flow.place import place_block
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.gen.registry import find_room
from gatewright.gen.verify import bench_design

MOST = 1500  # half of the smallest public RTL of this size that could be measured
LEAST_MHZ = 60


def netlist(algorithm, folder):
    design = bench_design(find_room("softmax"), f"softmax_{algorithm}", algorithm=algorithm)
    (folder / "design.v").write_text(verilog(design))
    return synthesise([folder / "design.v"], design.top, "ecp5", folder, SynthOptions(wide_luts=False))


def test_the_dearest_algorithm_takes_less_than_half_of_public_rtl(tmp_path):
    assert netlist("fixed_phi", tmp_path).counts["LUTeq"] <= MOST


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["exact", "online", "two_pass", "fixed_phi", "base2"])
def test_every_algorithm_is_small_and_fast_enough(algorithm, tmp_path):
    found = netlist(algorithm, tmp_path)
    assert found.counts["LUTeq"] <= MOST
    part = find_part("ecp5-85f")
    rates = [place_block(found.json_netlist, part, 200, tmp_path / str(s), s).fmax_mhz for s in (1, 2, 3)]
    assert min(rates) >= LEAST_MHZ
