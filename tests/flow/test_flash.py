# SPDX-License-Identifier: BSD-2-Clause
"""Flashing refuses what does not belong together, and says plainly what is missing."""

import hashlib
import json

import pytest

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.flow import flash as flashing
from gatewright.gen.flow.flash import flash, flash_command, parse_detect
from gatewright.hw.core.errors import BoardError, ToolError

ULX3S = find_board("ulx3s-85f")
DETECTED = """\
empty
Jtag frequency : requested 6.00MHz   -> real 6.00MHz
index 0:
\tidcode 0x{code:x}
\tmanufacturer lattice
\tfamily ECP5
\tmodel  LFE5U-85
\tirlength 8
"""
NO_CABLE = (
    "empty\nunable to open ftdi device: -3 (device not found)\nJTAG init failed with: unable to open ftdi device\n"
)
NO_LIBRARY = (
    "openFPGALoader: error while loading shared libraries: libusb-1.0.so.0: cannot open shared object file: "
    "No such file or directory\n"
)


def ecp5_bitstream(code=0x41113043, part=b"LFE5U-85F-6CABGA381"):
    return (
        b"\xff\x00Part: " + part + b"\x00\xff\xff\xff\xbd\xb3\xff\xff\xff\xff\x3b\x00\x00\x00\xe2\x00\x00\x00"
        + code.to_bytes(4, "big") + bytes(64)
    )  # fmt: skip


def write(folder, data, name="design.bit", **changes):
    path = folder / name
    path.write_bytes(data)
    about = {"board": "ulx3s-85f", "device": "LFE5U-85F", "sha256": hashlib.sha256(data).hexdigest(), **changes}
    (folder / "bitstream.json").write_text(json.dumps(about))
    return path


@pytest.fixture
def good(tmp_path):
    return write(tmp_path, ecp5_bitstream())


@pytest.fixture
def programmer(tmp_path, monkeypatch):
    """A programmer that prints what it is told and records how it was called."""

    def install(detect, status=0, write_output="Done\n", write_status=0):
        script = tmp_path / "programmer"
        (tmp_path / "detect.txt").write_text(detect)
        (tmp_path / "write.txt").write_text(write_output)
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/calls.txt\n'
            f'case "$*" in *--detect*) cat {tmp_path}/detect.txt; exit {status};; esac\n'
            f"cat {tmp_path}/write.txt; exit {write_status}\n"
        )
        script.chmod(0o755)
        monkeypatch.setattr(flashing, "find_program", lambda name: str(script))
        return tmp_path / "calls.txt"

    return install


def test_commands_name_the_loaders_board():
    path = find_board("icebreaker"), find_board("tang-nano-9k")
    assert flash_command("a.bit", ULX3S) == ["openfpgaloader-cli", "--board", "ulx3s", "--write-sram", "a.bit"]
    assert flash_command("a.bit", ULX3S, persistent=True)[3] == "--write-flash"
    assert flash_command("a.bin", path[0]) == ["openfpgaloader-cli", "--board", "ice40_generic", "a.bin"]
    assert flash_command("a.fs", path[1], persistent=True)[2:4] == ["tangnano9k", "--write-flash"]


def test_a_dry_run_gives_the_command_and_touches_nothing(good, programmer):
    calls = programmer(NO_CABLE, 1)
    result = flash(good, ULX3S, dry_run=True)
    assert result.commands == (f"openfpgaloader-cli --board ulx3s --write-sram {good}",)
    assert not result.written
    assert not calls.exists()


def test_a_matching_bitstream_is_written_after_the_chip_has_answered(good, programmer):
    calls = programmer(DETECTED.format(code=0x41113043))
    assert flash(good, ULX3S).written
    assert calls.read_text().splitlines() == ["--board ulx3s --detect", f"--board ulx3s --write-sram {good}"]


def with_image(folder, **changes):
    """A bitstream that boots from flash."""
    image = bytes(range(256)) * 3
    (folder / "flash.bin").write_bytes(image)
    about = {"file": "flash.bin", "offset": 0x100000, "sha256": hashlib.sha256(image).hexdigest()}
    return write(folder, ecp5_bitstream(), flash=about | changes)


def test_a_dry_run_shows_the_flash_image_s_command_too(tmp_path, programmer):
    calls = programmer(NO_CABLE, 1)
    path = with_image(tmp_path)
    assert flash(path, ULX3S, dry_run=True).commands == (
        f"openfpgaloader-cli --board ulx3s --write-sram {path}",
        "openfpgaloader-cli --board ulx3s --write-flash --offset 0x100000 --file-type raw "
        f"{tmp_path / 'flash.bin'}",
    )
    assert not calls.exists()


def test_the_flash_image_is_written_after_the_bitstream(tmp_path, programmer):
    calls = programmer(DETECTED.format(code=0x41113043))
    path = with_image(tmp_path)
    assert flash(path, ULX3S).written
    assert calls.read_text().splitlines() == [
        "--board ulx3s --detect", f"--board ulx3s --write-sram {path}",
        f"--board ulx3s --write-flash --offset 0x100000 --file-type raw {tmp_path / 'flash.bin'}",
    ]  # fmt: skip


def test_a_flash_image_that_fails_to_be_written_is_said_with_its_command(tmp_path, programmer):
    programmer(DETECTED.format(code=0x41113043))
    path = with_image(tmp_path)
    script = tmp_path / "programmer"
    fails = 'case "$*" in *--offset*) echo flash FAIL; exit 1;; esac\n'
    script.write_text(script.read_text().replace("case", fails + "case"))
    with pytest.raises(ToolError, match=r"--offset 0x100000 --file-type raw .*flash.bin` failed: flash FAIL"):
        flash(path, ULX3S)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "00"}, "flash.bin is not the image that bitstream.json describes: SHA-256 differs; build again"),
        ({"offset": -1}, "bitstream.json does not say where the flash image goes; build again"),
        ({"offset": "0"}, "bitstream.json does not say where the flash image goes; build again"),
    ],
)
def test_a_flash_image_that_disagrees_is_refused_before_anything_is_written(tmp_path, changes, message, programmer):
    calls = programmer(DETECTED.format(code=0x41113043))
    with pytest.raises(BoardError) as caught:
        flash(with_image(tmp_path, **changes), ULX3S)
    assert str(caught.value) == message
    assert not calls.exists()


def test_a_missing_flash_image_is_refused(tmp_path):
    path = with_image(tmp_path)
    (tmp_path / "flash.bin").unlink()
    with pytest.raises(BoardError, match=r"^flash\.bin is missing beside design\.bit, which boots from it; build"):
        flash(path, ULX3S)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"board": "icebreaker"}, "design.bit was built for board icebreaker, not ulx3s-85f; build it again with"),
        ({"device": "LFE5U-25F"}, "design.bit was built for LFE5U-25F, ulx3s-85f carries LFE5U-85F; build it again"),
        ({"sha256": "00"}, "design.bit is not the file that bitstream.json describes: SHA-256 differs; build it"),
    ],
)
def test_a_sidecar_that_disagrees_is_refused(tmp_path, changes, message):
    with pytest.raises(BoardError) as caught:
        flash(write(tmp_path, ecp5_bitstream(), **changes), ULX3S, dry_run=True)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ecp5_bitstream(code=0x41111043), "its header carries idcode 0x41111043, LFE5U-85F has 0x41113043"),
        (
            ecp5_bitstream(part=b"LFE5U-45F-6CABGA381"),
            "its header names LFE5U-45F-6CABGA381, the board carries LFE5U-85F",
        ),
        (bytes(64), "is not a bitstream: its header is missing or damaged"),
        (ecp5_bitstream()[:36], "is not a bitstream: its header is missing or damaged"),
    ],
)
def test_a_header_that_disagrees_is_refused_though_the_sidecar_agrees(tmp_path, data, message):
    with pytest.raises(BoardError, match=message):
        flash(write(tmp_path, data), ULX3S, dry_run=True)


def test_a_gowin_header_is_read(tmp_path):
    board = find_board("tang-nano-9k")
    for code, fits in ((0x1100481B, True), (0x0900281B, False)):
        data = f"{'1' * 160}\n{0x06 << 56 | code:064b}\n".encode()
        path = write(tmp_path, data, "design.fs", board=board.name, device=board.part.device)
        if fits:
            assert not flash(path, board, dry_run=True).written
        else:
            with pytest.raises(BoardError, match="its header carries idcode 0x0900281b"):
                flash(path, board, dry_run=True)


def test_an_ice40_header_is_read(tmp_path):
    board = find_board("icebreaker")
    for width, fits in ((692, True), (872, False)):
        data = b"\xff\x00\x00\xff\x7e\xaa\x99\x7e\x51\x00\x01\x05\x92\x00\x20\x62" + (width - 1).to_bytes(2, "big")
        data += b"\x82\x00\x00\x72\x01\x50\x11\x00\x01\x01" + bytes(16)
        path = write(tmp_path, data, "design.bin", board=board.name, device=board.part.device)
        if fits:
            assert not flash(path, board, dry_run=True).written
        else:
            with pytest.raises(BoardError, match="its first bank is 872x336 bits, iCE40UP5K has 692x336"):
                flash(path, board, dry_run=True)


def test_missing_files_are_named(tmp_path, good):
    with pytest.raises(BoardError, match="does not exist; `gatewright build` makes it"):
        flash(tmp_path / "none.bit", ULX3S)
    (tmp_path / "bitstream.json").unlink()
    with pytest.raises(BoardError, match=r"^bitstream\.json is missing beside the bitstream"):
        flash(good, ULX3S)


def test_another_chip_on_the_cable_is_refused_before_writing(good, programmer):
    calls = programmer(DETECTED.format(code=0x41111043))
    with pytest.raises(BoardError, match=r"^the attached FPGA answers idcode 0x41111043, ULX3S 85F has 0x41113043"):
        flash(good, ULX3S)
    assert "--write" not in calls.read_text()


def test_no_board_is_said_plainly_with_the_command(good, programmer):
    programmer(NO_CABLE, 1)
    with pytest.raises(BoardError) as caught:
        flash(good, ULX3S)
    assert str(caught.value) == (
        "no ULX3S 85F is attached: connect its USB cable, then run "
        f"`openfpgaloader-cli --board ulx3s --write-sram {good}`"
    )


def test_a_cable_without_chip_is_told_from_no_cable(good, programmer):
    programmer("empty\nJtag frequency : requested 6.00MHz   -> real 6.00MHz\n")
    with pytest.raises(BoardError, match=r"^no FPGA answered behind the ULX3S 85F's cable: power the board"):
        flash(good, ULX3S)


def test_a_missing_library_gives_the_command_that_installs_it(good, programmer):
    programmer(NO_LIBRARY, 127)
    with pytest.raises(ToolError) as caught:
        flash(good, ULX3S)
    assert str(caught.value) == (
        "openFPGALoader needs libusb-1.0.so.0; install it with `sudo apt-get install libusb-1.0-0 libftdi1-2`"
    )


def test_a_failed_write_quotes_the_programmer(good, programmer):
    programmer(DETECTED.format(code=0x41113043), write_output="Loading\nCRC error FAIL\n", write_status=1)
    with pytest.raises(ToolError, match="failed: CRC error FAIL"):
        flash(good, ULX3S)


def test_codes_are_read_from_a_chain_of_two():
    assert parse_detect("index 0:\n\tidcode 0x100481b\nindex 1:\n\tidcode   0x41113043\n") == [0x0100481B, 0x41113043]
