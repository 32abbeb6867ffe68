# SPDX-License-Identifier: BSD-2-Clause
"""The octets that a flash must hold for flash_boot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.fcs import FCS_BYTES, fcs_register
from gatewright.hw.memory.flash_boot.config import FCS_START, FlashBootConfig


@dataclass(frozen=True)
class FlashImage:
    """Octets for a flash.

    Attributes
    ----------
    offset : int
        Address of the first.
    data : bytes
        The octets.
    """

    offset: int
    data: bytes


def flash_image(config: FlashBootConfig, words: ArrayLike) -> FlashImage:
    """Give words ``(words,)`` of 16 bits, signed or not, as they lie in the flash, check sequence included.

    Raises
    ------
    ConfigError
        If they are not as many as ``config.words``, or wider than 16 bits.
    """
    values = np.asarray(words, np.int64)
    if values.shape != (config.words,):
        raise ConfigError(f"flash_boot.words must be {values.size}, the words of the image, not {config.words}")
    if values.min() < -(1 << 15) or values.max() >= 1 << 16:
        raise ConfigError(f"words of a flash image must have 16 bits, not lie in {values.min()}..{values.max()}")
    data = (values & 0xFFFF).astype("<u2").tobytes()
    check = fcs_register(data, FCS_START) ^ 0xFFFF
    return FlashImage(config.offset, data + check.to_bytes(FCS_BYTES, "little"))
