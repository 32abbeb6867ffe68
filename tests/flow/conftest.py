# SPDX-License-Identifier: BSD-2-Clause
"""A small design, built once for all tests of the flow."""

import pytest

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.flow.build import BoardDesign, build

BLINKY = """\
module blinky(input clk, input rx, output tx, output led);
  reg [7:0] count = 0;
  reg line = 1;
  always @(posedge clk) begin count <= count + 1; line <= rx; end
  assign led = count[7];
  assign tx = line;
endmodule
"""


@pytest.fixture(scope="session")
def blinky(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "blinky.v"
    path.write_text(BLINKY)
    return BoardDesign(name="blinky", top="blinky", verilog=(path,))


@pytest.fixture(scope="session")
def built(blinky, tmp_path_factory):
    """The design on the iCEBreaker; tests must not change the folder."""
    return build(blinky, find_board("icebreaker"), tmp_path_factory.mktemp("build"))
