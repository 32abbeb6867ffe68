# SPDX-License-Identifier: BSD-2-Clause
"""The boot from flash: refusals, the image, and what never passes as one."""

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.fcs import GOOD, fcs_register
from gatewright.hw.memory.flash_boot.config import FCS_START, FlashBootConfig
from gatewright.hw.memory.flash_boot.golden import golden, good
from gatewright.hw.memory.flash_boot.image import flash_image
from gatewright.tb.harness.streams import BenchError
from gatewright.tb.memory.spi_flash import SpiFlash


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"words": 0}, "flash_boot.words must lie in 1..65536, not 0"),
        ({"words": 65537}, "flash_boot.words must lie in 1..65536, not 65537"),
        ({"offset": 0x100080}, "flash_boot.offset must be a multiple of 256, not 1048704"),
        (
            {"offset": 0xFFFF00, "words": 128},
            "flash_boot.offset must be at most 16776958, so that 258 bytes follow it, not 16776960",
        ),
        ({"half_period": 0}, "flash_boot.half_period must lie in 1..64, not 0"),
        ({"wake_cycles": 0}, "flash_boot.wake_cycles must lie in 1..65536, not 0"),
    ],
)
def test_config_refuses(values, message):
    with pytest.raises(ConfigError) as caught:
        FlashBootConfig(**values)
    assert str(caught.value) == message


def test_defaults_boot_in_the_cycles_that_the_card_states():
    assert FlashBootConfig().pass_cycles == 2 * 600 + 80 + 32 * 65537 + 2 == 2_098_466


def test_an_image_holds_words_lowest_byte_first_and_their_check_sequence():
    image = flash_image(FlashBootConfig(words=3, offset=0x200), [1, -2, 0xABCD])
    assert (image.offset, image.data[:6]) == (0x200, bytes((1, 0, 0xFE, 0xFF, 0xCD, 0xAB)))
    # The check sequence bit by bit, as no code of ours computes it.
    register = 0x7FFF
    for octet in image.data[:6]:
        for position in range(8):
            low = (register ^ octet >> position) & 1
            register = register >> 1 ^ 0x8408 * low
    assert int.from_bytes(image.data[6:], "little") == register ^ 0xFFFF
    assert good(np.frombuffer(image.data, np.uint8).astype(np.int64))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([1, 2], r"^flash_boot\.words must be 2, the words of the image, not 3$"),
        ([1, 2, 1 << 16], r"^words of a flash image must have 16 bits, not lie in 1\.\.65536$"),
        ([-32769, 2, 3], r"^words of a flash image must have 16 bits, not lie in -32769\.\.3$"),
    ],
)
def test_an_image_of_other_words_is_refused(words, message):
    with pytest.raises(ConfigError, match=message):
        flash_image(FlashBootConfig(words=3), words)


def test_no_erased_flash_and_no_dead_line_passes_as_an_image():
    for octet in (0x00, 0xFF):
        register = fcs_register((octet, octet), FCS_START)
        for _ in range(1 << 16):
            register = fcs_register((octet, octet), register)
            assert register != GOOD


def test_golden_gives_every_pass_up_to_the_first_good_one():
    octets = np.frombuffer(flash_image(FlashBootConfig(words=2), [7, 0x1234]).data, np.uint8).astype(np.int64)
    spoilt = octets.copy()
    spoilt[0] ^= 1
    found = golden(FlashBootConfig(words=2), {"flash": {"octet": np.stack([spoilt, octets, octets])}})["o"]
    assert found["data"].tolist() == [6, 0x1234, 7, 0x1234]
    assert found["last"].tolist() == [0, 1, 0, 1]


def clocked(flash, bits, half=1):
    """Select the flash, send bits, let it go; give what was read as ``sck`` fell."""
    for _ in range(flash.wake):
        flash.step(0, 1, 0)
    heard = []
    for bit in bits:
        for sck in [0] * half + [1] * half:
            miso = flash.step(sck, 0, bit)
        heard.append(miso)
    flash.step(0, 1, 0)
    return heard


def bits_of(*octets):
    return [octet >> bit & 1 for octet in octets for bit in reversed(range(8))]


def test_the_bench_s_flash_answers_a_sound_master_and_refuses_others():
    def fresh():
        return SpiFlash([0xA5, 0x3C], 0x100, half=2, wake=5, late=2)

    flash = fresh()
    clocked(flash, bits_of(0xAB), 2)
    read = bits_of(0x03, 0, 1, 0)
    assert clocked(flash, read + [0] * 24, 2)[32:] == bits_of(0xA5, 0x3C, 0xFF)
    with pytest.raises(BenchError, match=r"^command 0x03 while asleep$"):
        clocked(fresh(), read, 2)
    with pytest.raises(BenchError, match=r"^sck was 0 for 1 cycles, promised 2$"):
        clocked(fresh(), bits_of(0xAB), 1)
    with pytest.raises(BenchError, match=r"^the flash was let go after 7 bits of a command$"):
        clocked(fresh(), bits_of(0xAB)[:7], 2)
    early = fresh()
    early.step(0, 1, 0)
    with pytest.raises(BenchError, match=r"^the flash was selected after 1 cycles, promised 5$"):
        early.step(0, 0, 0)
