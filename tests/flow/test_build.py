# SPDX-License-Identifier: BSD-2-Clause
"""A build is reproducible, cached, checked before packing, and honest about timing."""

import json
import shutil
from dataclasses import replace
from functools import partial
from xml.etree import ElementTree

import pytest

from gatewright.fpga_boards.registry import boards, find_board
from gatewright.gen.flow.bitstream import disagreement, read_header
from gatewright.gen.flow.build import build
from gatewright.gen.flow.place import Algorithms
from gatewright.gen.flow.synth import SynthOptions
from gatewright.hw.core.errors import BoardError, ToolError, VerificationError
from gatewright.tb.tools import run_yosys

ICEBREAKER = find_board("icebreaker")
STEPS = ["synth", "place", "pack", "report", "floorplan"]


def passing(rtl, netlist, top, family, folder, note=""):
    assert rtl.is_file()
    assert netlist.is_file()
    return {"cycles": 1, "note": note}


def failing(rtl, netlist, top, family, folder):
    raise VerificationError(f"netlist of {top} differs")


@pytest.fixture
def folder(built, tmp_path):
    """A copy of the built folder, to change."""
    shutil.copytree(built.folder, tmp_path / "build")
    return tmp_path / "build"


def worked(result):
    return [step.name for step in result.steps if not step.cached]


def test_a_rebuild_of_an_unchanged_design_does_no_work(blinky, built, folder):
    assert worked(built) == STEPS
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "times.json"}
    again = build(blinky, ICEBREAKER, folder)
    assert again.cached
    assert worked(again) == []
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "times.json"} == before


def test_two_builds_in_two_places_give_equal_bytes(blinky, built, tmp_path):
    other = build(blinky, ICEBREAKER, tmp_path / "elsewhere")
    names = {path.name for path in built.folder.iterdir() if path.is_file()} - {"times.json"}
    assert {"blinky.bin", "report.json", "floorplan.png", "bitstream.json"} <= names
    differing = [name for name in names if (built.folder / name).read_bytes() != (other.folder / name).read_bytes()]
    assert differing == []


def test_outputs_carry_no_path_of_this_machine(blinky, built):
    root = str(blinky.verilog[0].parents[1]).encode()
    files = [path for path in built.folder.iterdir() if path.is_file()]
    assert [path.name for path in files if root in path.read_bytes() or b"site-packages" in path.read_bytes()] == []


def test_nothing_temporary_is_left(built):
    assert [path.name for path in built.folder.iterdir() if path.name.startswith(".")] == [".stamps"]


def test_a_damaged_output_is_made_again(blinky, folder):
    good = (folder / "blinky.bin").read_bytes()
    (folder / "blinky.bin").write_bytes(good[:-1])
    again = build(blinky, ICEBREAKER, folder)
    assert worked(again) == ["pack", "report"]
    assert (folder / "blinky.bin").read_bytes() == good


def test_a_changed_source_reruns_what_depends_on_it(blinky, folder, tmp_path):
    changed = tmp_path / "changed.v"
    changed.write_text(blinky.verilog[0].read_text().replace("count + 1", "count + 3"))
    old = (folder / "blinky.bin").read_bytes()
    again = build(replace(blinky, verilog=(changed,)), ICEBREAKER, folder)
    assert worked(again) == STEPS
    assert (folder / "blinky.bin").read_bytes() != old


def test_a_changed_flag_reruns_synthesis_only_where_the_netlist_stays(blinky, folder):
    again = build(blinky, ICEBREAKER, folder, options=SynthOptions(dsp=False))
    # A step at work withdraws the bitstream, so that packing follows.
    assert worked(again) == ["synth", "pack", "report", "floorplan"]
    assert "-dsp" not in again.report["synthesis"]["flags"]


def test_a_failing_check_leaves_no_bitstream(blinky, folder):
    assert (folder / "blinky.bin").is_file()
    with pytest.raises(VerificationError, match=r"^netlist of blinky differs$"):
        build(blinky, ICEBREAKER, folder, failing)
    assert not (folder / "blinky.bin").exists()
    assert not (folder / "bitstream.json").exists()
    with pytest.raises(VerificationError):
        build(blinky, ICEBREAKER, folder, failing)


def test_a_check_runs_once_for_one_netlist_and_again_with_other_arguments(blinky, folder):
    first = build(blinky, ICEBREAKER, folder, partial(passing, note="a"))
    assert "netlist" in worked(first)
    assert first.report["netlist_check"] == {"cycles": 1, "note": "a"}
    assert build(blinky, ICEBREAKER, folder, partial(passing, note="a")).cached
    assert "netlist" in worked(build(blinky, ICEBREAKER, folder, partial(passing, note="b")))


def test_missed_timing_names_clock_and_rates(blinky, folder):
    hasty = replace(ICEBREAKER, clock_hz=400_000_000)
    with pytest.raises(
        ToolError, match=r"^timing missed: clock clk reaches \d+\.\d MHz and needs 400\.\d MHz \(best of 2 seeds\); "
    ):
        build(blinky, hasty, folder, seeds=(1, 2))
    assert not (folder / "blinky.bin").exists()


def test_a_tool_error_names_a_log_that_exists(blinky, tmp_path):
    broken = tmp_path / "broken.v"
    broken.write_text("module blinky(input clk; endmodule\n")
    with pytest.raises(ToolError) as caught:
        build(replace(blinky, verilog=(broken,)), ICEBREAKER, tmp_path / "build")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(f"see {tmp_path / 'build' / 'logs' / 'synth.log'}")
    assert (tmp_path / "build" / "logs" / "synth.log").is_file()


def test_a_port_without_pin_stops_the_build_before_placement(blinky, tmp_path):
    odd = tmp_path / "odd.v"
    odd.write_text("module blinky(input clk, input rst, output reg tx); always @(posedge clk) tx <= rst; endmodule\n")
    with pytest.raises(BoardError, match="port rst has no pin"):
        build(replace(blinky, verilog=(odd,)), ICEBREAKER, tmp_path / "build")
    assert not (tmp_path / "build" / "placed.json").exists()


def test_the_report_holds_what_the_board_and_the_tools_say(built):
    report = json.loads((built.folder / "report.json").read_text())
    used = {row["resource"]: row for row in report["utilisation"]}
    assert used["IO"]["used"] == 4
    assert used["FF"]["used"] == report["synthesis"]["counts"]["FF"] == 9
    assert used["LUT"]["percent"] == round(100 * used["LUT"]["used"] / ICEBREAKER.part.capacity.lut, 2)
    (clock,) = report["timing"]
    assert (clock["clock"], clock["required_mhz"], clock["met"]) == ("clk", 12.0, True)
    assert clock["achieved_mhz"] > 12
    assert report["synthesis"]["flags"] == "synth_ice40 -device u -dsp"


def test_the_pictures_show_every_placed_cell_kind(built):
    png, svg = built.picture
    assert png.read_bytes().startswith(b"\x89PNG")
    drawn = ElementTree.fromstring(svg.read_text())
    filled = {path.get("fill") for path in drawn.iter("{http://www.w3.org/2000/svg}path")}
    assert {"#e69f00", "#aa4499", "#56b4e9"} <= filled  # flip-flops, pins, carries
    assert svg.stat().st_size < 300_000


@pytest.mark.parametrize("name", ["ulx3s-85f", "tang-nano-9k"])
def test_the_other_families_build_the_same_design_reproducibly(name, blinky, tmp_path):
    board = boards()[name]
    first, second = (build(blinky, board, tmp_path / side) for side in "ab")
    assert first.bitstream.read_bytes() == second.bitstream.read_bytes()
    assert first.bitstream.suffix == board.suffix
    assert disagreement(read_header(first.bitstream), board.part) == ""
    assert first.report["timing"][0]["met"]
    available = {row["resource"]: row["available"] for row in first.report["utilisation"]}
    limit = board.part.capacity
    assert (limit.lut, limit.ff, limit.dsp, limit.bram) == tuple(available[key] for key in ("LUT", "FF", "DSP", "BRAM"))


def test_bitstreams_of_the_boards_disagree_with_each_other(built):
    header = read_header(built.bitstream)
    assert [name for name, board in boards().items() if not disagreement(header, board.part)] == ["icebreaker"]


def test_yosys_names_no_error_for_the_netlist_it_wrote(built, tmp_path):
    (tmp_path / "synth.v").write_bytes((built.folder / "synth.v").read_bytes())
    run_yosys("read_verilog -lib +/ice40/cells_sim.v\nread_verilog synth.v\nhierarchy -check -top blinky\n", tmp_path)


def test_other_algorithms_place_again_and_stand_in_the_report(blinky, built, folder):
    assert built.report["place"]["placer"] == "heap"
    other = build(blinky, ICEBREAKER, folder, how=Algorithms("static", "router2"))
    assert worked(other)[0] == "place"
    assert other.report["place"]["placer"] == "static"
    assert other.report["place"]["router"] == "router2"
    assert (folder / "placed.json").read_bytes() != (built.folder / "placed.json").read_bytes()
    assert worked(build(blinky, ICEBREAKER, folder, how=Algorithms("static", "router2"))) == []


def test_a_clock_above_the_oscillator_is_asked_of_the_placer_and_told(blinky, tmp_path):
    result = build(blinky, ICEBREAKER, tmp_path / "fast", mhz=20.0)
    (clock,) = result.report["timing"]
    assert clock["required_mhz"] == pytest.approx(20, abs=0.01)
    assert result.report["notes"] == ["placed for 20 MHz; the oscillator of icebreaker gives 12 MHz"]
    with pytest.raises(BoardError, match=r"^mhz must be at least 12, the oscillator of icebreaker, not 8$"):
        build(blinky, ICEBREAKER, tmp_path / "slow", mhz=8.0)
