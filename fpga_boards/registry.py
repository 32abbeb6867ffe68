# SPDX-License-Identifier: BSD-2-Clause
"""All boards by name."""

from gatewright.fpga_boards.board import Board
from gatewright.fpga_boards.icebreaker import ICEBREAKER
from gatewright.fpga_boards.tang_nano_9k import TANG_NANO_9K
from gatewright.fpga_boards.ulx3s_85f import ULX3S_85F
from gatewright.hw.core.errors import BoardError


def boards() -> dict[str, Board]:
    """Give all boards by name."""
    return {board.name: board for board in (ULX3S_85F, ICEBREAKER, TANG_NANO_9K)}


def find_board(name: str) -> Board:
    """Find a board by name.

    Raises
    ------
    BoardError
        If no board has that name; the message lists the names.
    """
    known = boards()
    if name not in known:
        raise BoardError(f"board {name} is unknown; known boards are {', '.join(known)}")
    return known[name]


def boards_with_flash() -> str:
    """Name the boards with a flash on pins that a design may use, for a message."""
    return ", ".join(name for name, board in boards().items() if board.flash is not None)
