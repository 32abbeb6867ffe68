# SPDX-License-Identifier: BSD-2-Clause
"""Simulations that carry a flash: a whole accelerator boots and answers, a sleeping or spoilt flash keeps it silent."""

import ctypes
import time

import numpy as np
import pytest
from tests.flow.booted import booted, lookups, some_words

from gatewright.gen.link.framing import encode
from gatewright.gen.run import classify, simulate
from gatewright.hw.bus.protocol import Command
from gatewright.hw.memory.flash_boot.golden import waveform
from gatewright.hw.memory.flash_boot.image import FlashImage
from gatewright.tb.fast.flash import FLASH, wake_cycles
from gatewright.tb.memory.spi_flash import SpiFlash
from gatewright.tb.tools import run_program

WORDS = some_words(40).tolist()
STEP = """
extern "C" void run(const uint8_t* data, int64_t size, int64_t offset, int wake, const uint8_t* pins, uint8_t* miso,
        int64_t cycles) {
    Flash flash; flash.data.assign(data, data + size); flash.offset = offset; flash.wake = wake;
    for (int64_t i = 0; i < cycles; i++) {
        flash.step(pins[i] & 1, pins[i] >> 1 & 1, pins[i] >> 2 & 1);
        miso[i] = flash.miso;
    }
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all: a model is compiled once, whatever its flash holds."""
    return tmp_path_factory.mktemp("booted")


def silent(pipe):
    """Whether a simulated accelerator leaves a question without an answer for as long as 40 octets take."""
    pipe.write(encode(bytes((Command.RUN, 1, 0, 0))))
    return pipe.read(40 * 120 / 12_000_000) == b""


def test_an_accelerator_boots_from_flash_and_answers(folder):
    design = booted(WORDS)
    verdict = classify(design, lookups(WORDS), simulate(design, folder), 6)
    assert verdict.identical == 6
    assert not silent(simulate(design, folder))
    assert verdict.cycles == design.config.core.run_cycles


@pytest.mark.parametrize("change", [1, 2 * len(WORDS)])
def test_a_wrong_octet_keeps_it_from_answering(change, folder, monkeypatch):
    design = booted(WORDS)
    image = design.flash
    data = bytearray(image.data)
    data[change] ^= 4
    monkeypatch.setattr(type(design.room), "flash_image", lambda room, *design: FlashImage(image.offset, bytes(data)))
    assert silent(simulate(design, folder))


def test_a_flash_that_is_never_woken_is_not_read(folder, monkeypatch):
    monkeypatch.setattr("gatewright.tb.fast.serial.wake_cycles", lambda clock: 10_000)
    design = booted(WORDS)
    assert silent(simulate(design, folder))


@pytest.mark.slow
def test_65536_words_boot_in_seconds(tmp_path):
    words = some_words(1 << 16).tolist()
    design = booted(words)
    simulate(design, tmp_path).close()
    began = time.process_time()
    pipe = simulate(design, tmp_path)
    assert time.process_time() - began < 20
    assert pipe.cycles > 32 * 65536
    assert classify(design, lookups(words), pipe, 6).identical == 6


def test_the_model_of_the_benches_and_the_compiled_one_agree(tmp_path):
    """Both play a pass with the pins of the golden waveform; the bench's flash is held to one cycle of delay."""
    design = booted(WORDS)
    core, image = design.config.core, design.flash
    levels = waveform(core)
    (tmp_path / "flash.cpp").write_text(FLASH + STEP)
    run_program(["g++", "-shared", "-fPIC", "-O1", "-o", "flash.so", "flash.cpp"], tmp_path)
    pins = (levels["sck"] + 2 * levels["cs_n"] + 4 * levels["mosi"]).astype(np.uint8)
    miso = np.zeros(len(pins), np.uint8)
    wide = ctypes.c_int64
    ctypes.CDLL(str(tmp_path / "flash.so")).run(
        image.data, wide(len(image.data)), wide(image.offset), wake_cycles(12_000_000), pins.tobytes(),
        miso.ctypes.data_as(ctypes.c_void_p), wide(len(pins)),
    )  # fmt: skip
    flash = SpiFlash(list(image.data), core.offset, core.half_period, core.wake_cycles, late=1)
    other = [flash.step(pin & 1, pin >> 1 & 1, pin >> 2) for pin in pins.tolist()]
    assert flash.sent == 8 * len(image.data)
    high = np.flatnonzero(levels["sck"])[40:]  # where the bits are taken, behind the commands
    np.testing.assert_array_equal(miso[high], np.array(other)[high])
    assert 100 < miso[high].sum() < len(high) - 100
