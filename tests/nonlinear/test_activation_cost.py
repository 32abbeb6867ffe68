# SPDX-License-Identifier: BSD-2-Clause
"""The exact int8 GELU costs less than the table that it replaces; the 16-bit one less than Edge-MoE's."""

import pytest

from gatewright.gen.emit import verilog
from gatewright.gen.flow.synth import synthesise
from gatewright.gen.registry import find_room
from gatewright.gen.verify import bench_design

TABLE = 60  # LUT4 of a 256 x 8 table of GELU at a step of 1/16, a public library's, through the same flow


def ecp5(tmp_path, **values):
    """Synthesise the whole room, handshake included, with the default flags."""
    design = bench_design(find_room("activation"), "activation", **values)
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "design.v").write_text(verilog(design))
    return synthesise([tmp_path / "design.v"], design.top, "ecp5", tmp_path).counts


@pytest.mark.parametrize("fraction", [3, 4, 5, 6])
def test_exact_int8_gelu_is_smaller_than_a_table(fraction, tmp_path):
    scale = {"in_fraction": fraction, "out_fraction": fraction}
    halved = ecp5(tmp_path / "symmetry", **scale)["LUTeq"]
    assert halved < TABLE
    assert halved < ecp5(tmp_path / "table", method="table", **scale)["LUTeq"]


def test_quadratic_gelu_of_edge_moe_s_error_is_a_third_of_its_size(tmp_path):
    ours = ecp5(
        tmp_path / "ours", method="polynomial", degree="quadratic", max_error_milli_lsb=1590,
        in_bits=16, in_fraction=12, out_bits=18, out_fraction=14,
    )  # fmt: skip
    theirs = ecp5(tmp_path / "theirs", method="edge_moe", in_bits=32, out_bits=32, in_fraction=22, out_fraction=22)
    assert 3 * ours["LUTeq"] < theirs["LUTeq"]
