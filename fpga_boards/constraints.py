# SPDX-License-Identifier: BSD-2-Clause
"""Pin and frequency constraints in the three vendors' formats."""

from collections.abc import Mapping

from gatewright.fpga_boards.board import Board

SUFFIX = {"ecp5": ".lpf", "ice40": ".pcf", "gowin": ".cst"}


def constraints(board: Board, ports: Mapping[str, int]) -> str:
    """Give the constraint file of a design on a board.

    Gowin's format has no word for a frequency; there nextpnr takes it as an argument.

    Parameters
    ----------
    board : Board
        The board.
    ports : mapping
        Port name to width in bits, of the design's top module.

    Raises
    ------
    BoardError
        If a port has no pin on the board.
    """
    return {"ecp5": _lpf, "ice40": _pcf, "gowin": _cst}[board.part.family](board, ports)


def _lpf(board: Board, ports: Mapping[str, int]) -> str:
    lines = []
    for name, pin in board.pins(ports).items():
        lines.append(f'LOCATE COMP "{name}" SITE "{pin.site}";')
        settings = " ".join(f"{key}={value}" for key, value in pin.attributes.items())
        lines += [f'IOBUF PORT "{name}" {settings};'] if settings else []
    lines.append(f'FREQUENCY PORT "clk" {board.clock_mhz:g} MHZ;')
    return "\n".join(lines) + "\n"


def _pcf(board: Board, ports: Mapping[str, int]) -> str:
    lines = []
    for name, pin in board.pins(ports).items():
        settings = "".join(f"-{key} {value} " for key, value in pin.attributes.items())
        lines.append(f"set_io {settings}{name} {pin.site}")
    lines.append(f"set_frequency clk {board.clock_mhz:g}")
    return "\n".join(lines) + "\n"


def _cst(board: Board, ports: Mapping[str, int]) -> str:
    lines = []
    for name, pin in board.pins(ports).items():
        lines.append(f'IO_LOC "{name}" {pin.site};')
        settings = " ".join(f"{key}={value}" for key, value in pin.attributes.items())
        lines += [f'IO_PORT "{name}" {settings};'] if settings else []
    return "\n".join(lines) + "\n"
