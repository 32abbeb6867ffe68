# SPDX-License-Identifier: BSD-2-Clause
"""iCEBreaker: iCE40 UP5K, 12 MHz oscillator, serial port through channel B of the FT2232H."""

from gatewright.fpga_boards.board import Board, FlashPins, Pin
from gatewright.fpga_boards.parts import ICE40_UP5K

ICEBREAKER = Board(
    name="icebreaker",
    title="iCEBreaker",
    part=ICE40_UP5K,
    clock_hz=12_000_000,
    clk=Pin(site="35"),
    rx=Pin(site="6", attributes={"pullup": "yes"}),
    tx=Pin(site="9"),
    led=tuple(Pin(site=site, inverted=True) for site in ("11", "37")),
    loader="ice40_generic",  # openFPGALoader's name for an iCE40 behind an FT2232, wired as here
    volatile=False,  # the loader reaches the flash chip only
    flash=FlashPins(sck=Pin(site="15"), cs_n=Pin(site="16"), mosi=Pin(site="14"), miso=Pin(site="17")),
)
