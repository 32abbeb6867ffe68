# SPDX-License-Identifier: BSD-2-Clause
"""Bench of frame_encode: random packets, and packets rich in reserved octets."""

import numpy as np

from gatewright.hw.bus.frame_encode.config import FrameEncodeConfig
from gatewright.hw.bus.frame_encode.golden import golden
from gatewright.hw.bus.rfc1662 import ESCAPE, FLAG
from gatewright.hw.core.fcs import fcs16
from gatewright.tb.harness.bench import Inputs, StreamBench, random_last

RESERVED = (FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20, 0x00, 0xFF)


def packets_with_reserved_check() -> list[bytes]:
    """Find short packets whose check sequence itself must be escaped, low byte and high byte."""
    found: list[bytes] = []
    for reserved in (FLAG, ESCAPE):
        for shift in (0, 8):
            words = (word.to_bytes(2, "little") for word in range(1 << 16))
            found.append(next(word for word in words if (fcs16(word) >> shift) & 0xFF == reserved))
    return found


CHECKS = packets_with_reserved_check()


def stimulus(config: FrameEncodeConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give ``size`` octets in packets of random lengths."""
    last = random_last(rng, size)
    if kind == "random":
        return {"i": {"data": rng.integers(0, 256, size), "last": last}}
    data = rng.choice(RESERVED, size)
    head = b"".join(CHECKS)[:size]
    data[: len(head)] = list(head)
    last[: len(head)] = [index % 2 for index in range(len(head))]
    last[-1] = 1
    return {"i": {"data": data, "last": last}}


BENCH = StreamBench(config=FrameEncodeConfig, golden=golden, stimulus=stimulus, size=300)
