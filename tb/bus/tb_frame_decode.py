# SPDX-License-Identifier: BSD-2-Clause
"""Bench of frame_decode: sound frames, broken ones, aborts, noise."""

import numpy as np

from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.bus.frame_decode.golden import golden
from gatewright.hw.bus.rfc1662 import ESCAPE, FLAG, encode
from gatewright.tb.harness.bench import Inputs, StreamBench

RESERVED = (FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20, 0x00, 0xFF)


def payload(rng: np.random.Generator, kind: str) -> bytes:
    """Draw a payload of 0 to 12 octets; corners are rich in reserved octets."""
    length = int(rng.integers(0, 13))
    if kind == "corners":
        return bytes(rng.choice(RESERVED, length).tolist())
    return rng.bytes(length)


def damage(frame: bytes, rng: np.random.Generator) -> bytes:
    """Break a frame in one of the ways a line or a sender can."""
    index = int(rng.integers(0, len(frame)))
    match int(rng.integers(0, 5)):
        case 0:
            flipped = frame[index] ^ (1 << int(rng.integers(0, 8)))
            return frame[:index] + bytes((flipped,)) + frame[index + 1 :]
        case 1:
            return frame[:index] + frame[index + 1 :]
        case 2:
            return frame[:-1] + bytes((ESCAPE, FLAG))
        case 3:
            return frame[:index] + bytes((FLAG,))
    return rng.bytes(index)


def stimulus(config: FrameDecodeConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give about ``size`` octets of frames, a third of them damaged; the first is sound, a flag is last."""
    line = encode(payload(rng, kind) + b"a")[int(rng.integers(0, 2)) :]
    while len(line) < size:
        frame = encode(payload(rng, kind))
        line += damage(frame, rng) if rng.random() < 0.33 else frame[int(rng.integers(0, 2)) :]
    line += bytes((FLAG,))
    return {"i": {"data": np.frombuffer(line, dtype=np.uint8).astype(np.int64)}}


BENCH = StreamBench(config=FrameDecodeConfig, golden=golden, stimulus=stimulus, size=600)
