# SPDX-License-Identifier: BSD-2-Clause
"""Tang Nano 9K: Gowin GW1NR-9C, 27 MHz oscillator, serial port through the BL702."""

from gatewright.fpga_boards.board import Board, Pin
from gatewright.fpga_boards.parts import GW1NR_9C

_IO = {"IO_TYPE": "LVCMOS33"}

TANG_NANO_9K = Board(
    name="tang-nano-9k",
    title="Tang Nano 9K",
    part=GW1NR_9C,
    clock_hz=27_000_000,
    clk=Pin(site="52", attributes=_IO),
    rx=Pin(site="18", attributes={**_IO, "PULL_MODE": "UP"}),
    tx=Pin(site="17", attributes={**_IO, "PULL_MODE": "UP"}),
    led=tuple(Pin(site=site, attributes=_IO, inverted=True) for site in ("10", "11", "13", "14", "15", "16")),
    loader="tangnano9k",
)
