# SPDX-License-Identifier: BSD-2-Clause
"""ULX3S with the 85F: ECP5, 25 MHz oscillator, serial port through the FT231X."""

from gatewright.fpga_boards.board import Board, Pin
from gatewright.fpga_boards.parts import ECP5_85F

_IO = {"IO_TYPE": "LVCMOS33"}
_LAMPS = ("B2", "C2", "C1", "D2", "D1", "E2", "E1", "H3")

ULX3S_85F = Board(
    name="ulx3s-85f",
    title="ULX3S 85F",
    part=ECP5_85F,
    clock_hz=25_000_000,
    clk=Pin(site="G2", attributes=_IO),
    rx=Pin(site="M1", attributes={**_IO, "PULLMODE": "UP"}),
    tx=Pin(site="L4", attributes=_IO),
    led=tuple(Pin(site=site, attributes={**_IO, "DRIVE": "4"}) for site in _LAMPS),
    loader="ulx3s",
)
