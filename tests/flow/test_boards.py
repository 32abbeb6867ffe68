# SPDX-License-Identifier: BSD-2-Clause
"""Boards are data: the data equal what others know of the boards, and mistakes are refused in one line."""

import re

import pytest
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.tang_nano_9k import TangNano9kPlatform
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from gatewright.fpga_boards.board import FLASH_PORTS, Pin
from gatewright.fpga_boards.constraints import constraints
from gatewright.fpga_boards.parts import find_part, parts
from gatewright.fpga_boards.registry import boards, find_board
from gatewright.hw.core.errors import BoardError

PLATFORMS = {"ulx3s-85f": ULX3S_85F_Platform, "icebreaker": ICEBreakerPlatform, "tang-nano-9k": TangNano9kPlatform}
PORTS = {"clk": 1, "rx": 1, "tx": 1, "led": 2}


def resource(platform, name, number=0):
    return next(item for item in platform.resources if (item.name, item.number) == (name, number))


@pytest.mark.parametrize("name", PLATFORMS)
def test_pins_and_clock_equal_those_of_amaranth_boards(name):
    board, platform = boards()[name], PLATFORMS[name]
    oscillator = resource(platform, platform.default_clk)
    assert (board.clk.site, board.clock_hz) == (oscillator.ios[0].names[0], oscillator.clock.frequency)
    serial = {line.name: line.ios[0] for line in resource(platform, "uart").ios}
    assert (board.rx.site, serial["rx"].dir) == (serial["rx"].names[0], "i")
    assert (board.tx.site, serial["tx"].dir) == (serial["tx"].names[0], "o")
    for number, lamp in enumerate(board.led):
        known = resource(platform, "led", number).ios[0]
        assert (lamp.site, lamp.inverted) == (known.names[0], known.invert)


def test_flash_pins_equal_those_of_amaranth_boards():
    chip = {line.name: line.ios[0] for line in resource(ICEBreakerPlatform, "spi_flash_1x").ios}
    flash = boards()["icebreaker"].flash
    found = {"clk": flash.sck, "cs": flash.cs_n, "copi": flash.mosi, "cipo": flash.miso}
    assert {name: pin.site for name, pin in found.items()} == {name: chip[name].names[0] for name in found}
    assert chip["cs"].invert  # so that cs_n needs no inverter
    assert not any(pin.inverted for pin in found.values())


def test_parts_equal_those_of_amaranth_boards():
    assert boards()["ulx3s-85f"].part.device == ULX3S_85F_Platform.device
    assert boards()["ulx3s-85f"].part.speed == ULX3S_85F_Platform.speed
    assert boards()["icebreaker"].part.device == ICEBreakerPlatform.device
    assert boards()["icebreaker"].part.package == ICEBreakerPlatform.package
    assert boards()["tang-nano-9k"].part.device == TangNano9kPlatform.part


def test_every_board_has_a_platform_to_compare_with():
    assert set(boards()) == set(PLATFORMS)


def test_no_board_uses_a_pin_twice():
    for board in boards().values():
        pins = [board.clk, board.rx, board.tx, *board.led]
        pins += [getattr(board.flash, name) for name in FLASH_PORTS] if board.flash else []
        assert len({pin.site for pin in pins}) == len(pins), board.name


def test_an_unknown_board_is_refused_with_the_known_names():
    with pytest.raises(
        BoardError, match=r"^board de10 is unknown; known boards are ulx3s-85f, icebreaker, tang-nano-9k$"
    ):
        find_board("de10")
    with pytest.raises(BoardError, match=rf"^part x is unknown; known parts are {', '.join(parts())}$"):
        find_part("x")


def test_lpf_places_every_bit_and_states_the_clock():
    text = constraints(find_board("ulx3s-85f"), PORTS)
    places = dict(re.findall(r'^LOCATE COMP "(.+)" SITE "(\w+)";$', text, re.MULTILINE))
    assert places == {"clk": "G2", "rx": "M1", "tx": "L4", "led[0]": "B2", "led[1]": "C2"}
    assert 'FREQUENCY PORT "clk" 25 MHZ;' in text.splitlines()
    assert 'IOBUF PORT "rx" IO_TYPE=LVCMOS33 PULLMODE=UP;' in text.splitlines()


def test_pcf_places_every_bit_and_states_the_clock():
    assert constraints(find_board("icebreaker"), PORTS).splitlines() == [
        "set_io clk 35", "set_io -pullup yes rx 6", "set_io tx 9", "set_io led[0] 11", "set_io led[1] 37",
        "set_frequency clk 12",
    ]  # fmt: skip


def test_pcf_places_the_flash():
    ports = dict.fromkeys(("clk", *FLASH_PORTS), 1)
    assert constraints(find_board("icebreaker"), ports).splitlines() == [
        "set_io clk 35", "set_io sck 15", "set_io cs_n 16", "set_io mosi 14", "set_io miso 17", "set_frequency clk 12",
    ]  # fmt: skip


def test_cst_places_every_bit():
    text = constraints(find_board("tang-nano-9k"), {"clk": 1, "tx": 1, "led": 1})
    assert dict(re.findall(r'^IO_LOC "(.+)" (\d+);$', text, re.MULTILINE)) == {"clk": "52", "tx": "17", "led": "10"}


@pytest.mark.parametrize(
    ("ports", "message"),
    [
        ({"rx": 1}, "icebreaker: port clk is missing; a design for a board is clocked by it"),
        (
            {"clk": 1, "rst": 1},
            "icebreaker: port rst has no pin; a board's ports are clk, rx, tx, led, sck, cs_n, mosi, miso",
        ),
        ({"clk": 1, "sck": 1}, "ulx3s-85f: port sck has no pin; a board's ports are clk, rx, tx, led"),
        ({"clk": 1, "led": 3}, "icebreaker: port led must have 1..2 bits, not 3"),
    ],
)
def test_ports_without_pins_are_refused(ports, message):
    with pytest.raises(BoardError) as caught:
        find_board(message.partition(":")[0]).pins(ports)
    assert str(caught.value) == message


def test_a_one_bit_port_has_no_index():
    assert find_board("icebreaker").pins({"clk": 1, "led": 1}) == {
        "clk": Pin(site="35"),
        "led": Pin(site="11", inverted=True),
    }
