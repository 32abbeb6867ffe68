# SPDX-License-Identifier: BSD-2-Clause
"""What flash_boot makes of a flash's octets, and what it does on its pins."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.fcs import GOOD, fcs_register
from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.flash_boot.config import CHECK_CYCLES, FCS_START, READ, WAKE, FlashBootConfig

Levels = NDArray[np.int64]


def good(octets: NDArray[np.int64]) -> bool:
    """Whether octets end with the check sequence of those before."""
    return fcs_register(octets.tolist(), FCS_START) == GOOD


def golden(config: FlashBootConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the words of every pass, up to the first with a right check sequence.

    ``flash.octet`` has shape ``(passes, image_bytes)``: what each pass finds from ``offset`` on.
    """
    data: list[int] = []
    last: list[int] = []
    for octets in np.asarray(inputs["flash"]["octet"]):
        words = octets[:-2].reshape(config.words, 2) @ np.array([1, 256])
        data += words.tolist()
        last += [0] * (config.words - 1) + [1]
        if good(octets):
            break
    return {"o": {"data": np.array(data, np.int64), "last": np.array(last, np.int64)}}


def waveform(config: FlashBootConfig) -> dict[str, Levels]:
    """Give the levels of ``sck``, ``cs_n`` and ``mosi`` in every cycle of a pass in which nothing stalls."""
    half, check = config.half_period, np.zeros(CHECK_CYCLES, np.int64)
    read = READ << 24 | config.offset
    asleep = [WAKE >> bit & 1 for bit in reversed(range(8))]
    awake = [read >> bit & 1 for bit in reversed(range(32))] + [0] * (8 * config.image_bytes)
    rest = np.zeros(config.wake_cycles, np.int64)
    select, clock, data = [], [], []
    for bits, tail in ((asleep, check[:0]), (awake, check)):
        sent = np.repeat(np.array(bits), 2 * half)
        select += [rest + 1, 0 * sent, tail]
        clock += [rest, np.tile(np.repeat([0, 1], half), len(bits)), tail]
        data += [rest, sent, tail]
    return {"cs_n": np.concatenate(select), "sck": np.concatenate(clock), "mosi": np.concatenate(data)}
