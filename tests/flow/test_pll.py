# SPDX-License-Identifier: BSD-2-Clause
"""Clocks from a PLL: divisors, refusals, and a design that is synthesised, simulated as a netlist and placed."""

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gatewright.fpga_boards.pll import COMPARED, OSCILLATES, PllPlan, plan_pll
from gatewright.fpga_boards.registry import find_board
from gatewright.fpga_boards.top import BoardTop
from gatewright.gen.board import emit_for_board
from gatewright.gen.design import design_of
from gatewright.gen.emit import plain_verilog
from gatewright.gen.flow.netlist_check import check_netlist
from gatewright.gen.flow.place import place_on_board
from gatewright.gen.flow.synth import SynthOptions, options_for, synthesise
from gatewright.hw.core.errors import BoardError

OSCILLATOR = 25_000_000


@pytest.mark.parametrize("wanted", [25_000_000, 43_750_000, 50_000_000, 60_000_000, 125_000_000])
def test_a_plan_gives_the_frequency_exactly_within_the_pll_s_bounds(wanted):
    plan = plan_pll(OSCILLATOR, wanted)
    assert OSCILLATOR * plan.feedback == wanted * plan.reference
    assert COMPARED[0] <= OSCILLATOR / plan.reference / 1e6 <= COMPARED[1]
    assert OSCILLATES[0] <= wanted * plan.output / 1e6 <= OSCILLATES[1]


@pytest.mark.parametrize("wanted", [48_000_000, 33_333_333, 900_000_000, 1_000_000])
def test_what_no_divisors_give_has_no_plan(wanted):
    assert plan_pll(OSCILLATOR, wanted) is None


@pytest.mark.parametrize(
    ("board", "clock", "also"),
    [("ulx3s-85f", 48_000_000, ", or what a PLL makes of it exactly"), ("icebreaker", 24_000_000, "")],
)
def test_another_clock_is_refused_in_one_line(board, clock, also, tmp_path):
    design = design_of("ternary_linear", in_features=8, out_features=8, clock_hz=clock)
    own = find_board(board).clock_hz
    with pytest.raises(BoardError, match=rf"clock_hz must be {own}, the oscillator of {board}{also}, not {clock}; "):
        emit_for_board(design, find_board(board), tmp_path)
    assert not list(tmp_path.iterdir())


class Echo(wiring.Component):
    """A serial line that comes back."""

    def __init__(self):
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform):
        m = Module()
        late = Signal(init=1)
        m.d.sync += [late.eq(self.rx), self.tx.eq(late), self.busy.eq(self.busy ^ late)]
        return m


def test_a_design_behind_a_pll_simulates_and_places(tmp_path):
    board = find_board("ulx3s-85f")
    verilog = tmp_path / "top.v"
    verilog.write_text(plain_verilog(BoardTop(Echo(), pll=PllPlan(1, 2, 12), reset_bits=4), "top"))
    result = synthesise((verilog,), "top", "ecp5", tmp_path, options_for(board.part, SynthOptions()))
    found = check_netlist(verilog, result.json_netlist, "top", "ecp5", tmp_path / "pair", cycles=400)
    assert found.outputs_moved
    placed = place_on_board(result.json_netlist, result.ports, board, tmp_path / "place")
    (clock,) = placed.clocks
    assert clock.required_mhz == pytest.approx(50, abs=0.1)
    assert clock.met
