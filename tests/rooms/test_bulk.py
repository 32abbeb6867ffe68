# SPDX-License-Identifier: BSD-2-Clause
"""Arithmetic rooms equal their golden models, and keep their timing, over tens of thousands of beats."""

import dataclasses

import pytest

from gatewright.gen.emit import generate
from gatewright.gen.registry import ROOMS
from gatewright.gen.verify import bench_design
from gatewright.tb.fast.build import together
from gatewright.tb.fast.bulk import Bulk
from gatewright.tb.harness.bench import STREAM_TESTS

WINGS = ("elementary", "nonlinear", "quantise")
CASES = [
    (room, dict(parameters))
    for room in ROOMS
    if room.wing in WINGS and room.bench.test_module == STREAM_TESTS
    for parameters in room.bench.mutations
]


def bulk(room, parameters, folder, **changes):
    design = bench_design(room, room.name, **parameters)
    generate(design, folder / "rtl")
    bench = dataclasses.replace(room.bench, **changes)
    verilog = folder / "rtl" / f"{design.top}.v"
    return Bulk(bench, design.config, verilog, design.top, folder / "model", 10_000)


@pytest.mark.parametrize(("room", "parameters"), CASES, ids=[f"{room.name}-{n}" for n, (room, _) in enumerate(CASES)])
def test_long_runs_equal_golden(room, parameters, tmp_path):
    assert bulk(room, parameters, tmp_path).failure() is None


def test_long_runs_notice_one_wrong_beat(tmp_path):
    room, parameters = next(case for case in CASES if case[0].name == "divide")

    def off_by_one(config, inputs):
        outputs = room.bench.golden(config, inputs)
        outputs["o"]["quotient"][-1] ^= 1
        return outputs

    assert "o beat 9999: quotient is" in bulk(room, parameters, tmp_path, golden=off_by_one).failure()


def test_registers_with_one_enable_share_a_block():
    text = (
        "module top(clk);\n  always @(posedge clk)\n    if (en) a <= b;\n"
        "  always @(posedge clk)\n    if (rst) c <= 1'h0;\n    else if (en) c <= d;\n"
        "  always @(posedge clk)\n    if (en) \\x.y  <= z;\n"
        "  always @(posedge clk)\n    if (en) m[k] <= z;\nendmodule\n"
    )
    assert together(text) == (
        "module top(clk);\n"
        "  always @(posedge clk)\n    if (rst) c <= 1'h0;\n    else if (en) c <= d;\n"
        "  always @(posedge clk)\n    if (en) m[k] <= z;\n"
        "  always @(posedge clk)\n    if (en) begin\n      a <= b;\n      \\x.y  <= z;\n    end\nendmodule\n"
    )
