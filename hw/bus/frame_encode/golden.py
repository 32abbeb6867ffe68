# SPDX-License-Identifier: BSD-2-Clause
"""What frame_encode gives: the frames of RFC 1662, back to back."""

import numpy as np

from gatewright.hw.bus.frame_encode.config import FrameEncodeConfig
from gatewright.hw.core.ports import Beats


def golden(config: FrameEncodeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets on the line."""
    line = b"".join(config.line(inputs["i"]))
    return {"o": {"data": np.frombuffer(line, dtype=np.uint8).astype(np.int64)}}
