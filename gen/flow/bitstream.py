# SPDX-License-Identifier: BSD-2-Clause
"""Read for which FPGA a bitstream was made, from its own header."""

import re
from dataclasses import dataclass
from pathlib import Path

from gatewright.fpga_boards.board import Part
from gatewright.hw.core.errors import BoardError

_ECP5_PREAMBLE = b"\xff\xff\xbd\xb3"
_ECP5_DUMMY, _ECP5_RESET_CRC, _ECP5_VERIFY_ID = 0xFF, 0x3B, 0xE2
_ICE40_PREAMBLE = b"\x7e\xaa\x99\x7e"
_GOWIN_VERIFY_ID = 0x06


@dataclass(frozen=True)
class Header:
    """What a bitstream says of its device.

    Attributes
    ----------
    part : str
        ECP5 only: the text of the comment, such as ``LFE5U-85F-6CABGA381``.
    idcode : int
        ECP5 and Gowin: JTAG code; 0 where the family has none.
    cram : tuple of int
        iCE40 only: (width, height) of the first configuration bank in bits.
    """

    part: str = ""
    idcode: int = 0
    cram: tuple[int, int] = (0, 0)


def read_header(path: Path) -> Header:
    """Read a bitstream's header; the suffix names the family.

    Raises
    ------
    BoardError
        If the file is not a bitstream of the family that its suffix names.
    """
    readers = {".bit": _ecp5, ".bin": _ice40, ".fs": _gowin}
    if path.suffix not in readers:
        raise BoardError(f"{path.name} has suffix {path.suffix or 'none'}; a bitstream ends in {', '.join(readers)}")
    found = readers[path.suffix](path.read_bytes())
    if found is None:
        raise BoardError(f"{path.name} is not a bitstream: its header is missing or damaged; build it again")
    return found


def disagreement(header: Header, part: Part) -> str:
    """Say in words how a header differs from a part; empty when it does not."""
    if header.idcode != part.idcode:
        return f"its header carries idcode 0x{header.idcode:08x}, {part.device} has 0x{part.idcode:08x}"
    if part.family == "ecp5" and header.part and not header.part.startswith(f"{part.device}-"):
        return f"its header names {header.part}, the board carries {part.device}"
    if header.cram != part.cram:
        found, wanted = ("{}x{}".format(*shape) for shape in (header.cram, part.cram))
        return f"its first bank is {found} bits, {part.device} has {wanted}"
    return ""


def _ecp5(data: bytes) -> Header | None:
    start = data.find(_ECP5_PREAMBLE, 0, 4096)
    if start < 0:
        return None
    comment = re.search(rb"Part: ([\w-]+)\x00", data[:start])
    at = start + len(_ECP5_PREAMBLE)
    while at + 8 <= len(data):
        command = data[at]
        if command == _ECP5_DUMMY:
            at += 1
        elif command == _ECP5_RESET_CRC:
            at += 4
        elif command == _ECP5_VERIFY_ID:
            return Header(comment[1].decode() if comment else "", int.from_bytes(data[at + 4 : at + 8], "big"))
        else:
            return None
    return None


def _ice40(data: bytes) -> Header | None:
    # Commands: high nibble opcode, low nibble count of payload bytes. 6 sets the bank's width less one,
    # 7 its height, 0 acts (1: write the bank).
    at = data.find(_ICE40_PREAMBLE, 0, 4096)
    if at < 0:
        return None
    at += len(_ICE40_PREAMBLE)
    width = height = 0
    while at < len(data):
        opcode, count = data[at] >> 4, data[at] & 15
        value = int.from_bytes(data[at + 1 : at + 1 + count], "big")
        if opcode == 0 and value == 1:
            return Header(cram=(width, height))
        width = value + 1 if opcode == 6 else width
        height = value if opcode == 7 else height
        at += 1 + count
    return None


def _gowin(data: bytes) -> Header | None:
    for line in data[:8192].split(b"\n"):
        if re.fullmatch(rb"[01]{64}", line) and int(line[:8], 2) == _GOWIN_VERIFY_ID:
            return Header(idcode=int(line[32:], 2))
    return None
