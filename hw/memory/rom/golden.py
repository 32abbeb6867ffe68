# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the table."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.rom.config import RomConfig


def table(config: RomConfig) -> NDArray[np.int64]:
    """Give all words, shape ``(depth,)``; object where a word exceeds 63 bits."""
    words = np.zeros(config.depth, dtype=np.int64 if config.width < 64 else object)
    words[: len(config.contents)] = config.contents
    return words


def golden(config: RomConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Look every address up."""
    beats = inputs["i"]
    return {"o": {"data": table(config)[beats["address"]], "last": beats["last"].copy()}}
