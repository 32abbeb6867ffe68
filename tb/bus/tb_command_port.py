# SPDX-License-Identifier: BSD-2-Clause
"""Bench of command_port: sound and broken requests of every kind and length."""

import numpy as np

from gatewright.hw.bus.command_port.config import CommandPortConfig
from gatewright.hw.bus.command_port.golden import golden, hands_on
from gatewright.hw.bus.protocol import Command
from gatewright.hw.core.ports import Beats
from gatewright.tb.harness.bench import Inputs, StreamBench


def request(config: CommandPortConfig, rng: np.random.Generator) -> bytes:
    """Draw a request: mostly sound, else with a length or a command near a sound one."""
    command = int(rng.choice([Command.INFO, Command.RUN, Command.LOAD if config.loads else Command.RUN]))
    sound = 0 if command == Command.INFO else config.input_bytes
    if rng.random() < 0.3:
        command ^= 1 << int(rng.integers(0, 8))
    length = sound if rng.random() < 0.6 else int(rng.choice([0, max(0, sound - 1), sound + 1, sound + 3]))
    if rng.random() < 0.1:
        length = 2 * config.input_bytes + int(rng.integers(0, 2))  # a counter that wraps
    whole = bytes((command,)) + rng.bytes(1 + length)
    return whole[:1] if rng.random() < 0.05 else whole


def beats(frames: list[bytes], good: list[bool] | None = None) -> Beats:
    """Lay packets out as beats."""
    last = [index == len(frame) - 1 for frame in frames for index in range(len(frame))]
    found: Beats = {
        "data": np.frombuffer(b"".join(frames), dtype=np.uint8).astype(np.int64),
        "last": np.array(last, dtype=np.int64),
    }
    if good is not None:
        found["good"] = found["last"].copy()
        found["good"][found["last"] == 1] = good
    return found


def stimulus(config: CommandPortConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Give about ``size`` octets of requests, and a result for each that runs."""
    frames: list[bytes] = []
    if kind == "corners":
        frames += [bytes((Command.INFO, 0xFF)), bytes((Command.RUN, 0x00)) + bytes(config.input_bytes)]
        frames += [bytes((Command.INFO ^ (1 << bit), bit)) for bit in range(8)]
        frames += [bytes((Command.RUN ^ (1 << bit), bit)) + bytes(config.input_bytes) for bit in range(8)][: size // 8]
        frames += [bytes((Command.LOAD ^ (1 << bit), bit)) + bytes(config.input_bytes) for bit in range(8)][: size // 8]
    while sum(map(len, frames)) < size:
        frames.append(request(config, rng))
    good = (rng.random(len(frames)) < 0.8).tolist()
    if kind == "corners":
        good[:26] = [True] * len(good[:26])
    runs = [
        frame for frame, sound in zip(frames, good, strict=True)
        if sound and len(frame) > 1 and hands_on(config, frame)
    ]  # fmt: skip
    longest = config.output_bytes + 5
    lengths = [int(rng.integers(14, 40) if rng.random() < 0.2 else rng.integers(1, longest)) for _ in runs]
    results = [rng.bytes(length) for length in lengths]
    return {"i": beats(frames, good), "i_result": beats(results)}


BENCH = StreamBench(
    config=CommandPortConfig,
    golden=golden,
    grid=(
        {"input_bytes": 5, "output_bytes": 3, "design_id": 0xDEADBEEF},
        {"input_bytes": 1, "output_bytes": 1, "design_id": 0x01020304, "clock_hz": 0xFEDCBA98},
        {"input_bytes": 65, "output_bytes": 300},
        {"input_bytes": 6, "output_bytes": 4, "loads": True, "design_id": 0x0F1E2D3C},
    ),
    mutation=(
        {"input_bytes": 3, "output_bytes": 2, "design_id": 0x12345678},
        {"input_bytes": 3, "output_bytes": 2, "design_id": 0x12345678, "loads": True},
    ),
    stimulus=stimulus,
    size=600,
)
