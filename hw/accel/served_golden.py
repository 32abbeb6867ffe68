# SPDX-License-Identifier: BSD-2-Clause
"""What an accelerator answers on its serial line: the golden models of its parts, one after the other."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.bus.command_port.golden import answer, hands_on, split
from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.bus.frame_decode.golden import golden as decode
from gatewright.hw.bus.protocol import Command
from gatewright.hw.bus.rfc1662 import encode
from gatewright.hw.core.ports import Beats

# Golden model of a core: its config and the packets at `i`, to those at `o`.
RunCore = Callable[[Any, dict[str, Beats]], dict[str, Beats]]


def replies(config: ServedConfig, run_core: RunCore, asked: Iterable[bytes]) -> list[bytes | None]:
    """Answer requests, one after the other from reset on.

    Parameters
    ----------
    config : ServedConfig
        The accelerator.
    run_core : callable
        The golden model of its core.
    asked : iterable of bytes
        Payloads of sound frames: command, sequence, payload.

    Returns
    -------
    list of bytes or None
        Payload of each reply; None where there is none, as a request has two octets or more.
    """
    asked = list(asked)
    handed = [request for request in asked if len(request) > 1 and hands_on(config.port, request)]
    results = _results(config, run_core, handed)
    return [answer(config.port, request, results) if len(request) > 1 else None for request in asked]


def requests(line: bytes) -> list[bytes]:
    """Give the payloads of the sound frames among the octets of a line; all others are dropped."""
    beats = decode(FrameDecodeConfig(), {"i": {"data": np.frombuffer(line, np.uint8).astype(np.int64)}})
    return [payload for payload, good in split(beats["o"]) if good]


def on_the_line(config: ServedConfig, run_core: RunCore, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets sent on ``tx`` for those heard on ``rx``; the host waits for each reply."""
    line = bytes(inputs["rx"]["data"].tolist())
    found = replies(config, run_core, requests(line))
    sent = b"".join(encode(payload) for payload in found if payload is not None)
    return {"tx": {"data": np.frombuffer(sent, np.uint8).astype(np.int64)}}


def _results(config: ServedConfig, run_core: RunCore, handed: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Hand payloads to the core as signed octets, feature 0 first."""
    if not handed:
        return
    size = config.served.input_bytes
    ends = np.tile((np.arange(size) == size - 1).astype(np.int64), len(handed))
    data = np.frombuffer(b"".join(request[2:] for request in handed), np.int8).astype(np.int64)
    beats: Beats = {"data": data, "last": ends, "good": ends}
    if config.port.loads:
        beats["load"] = np.repeat([int(request[0] == Command.LOAD) for request in handed], size)
    result = run_core(config.served, {"i": beats})["o"]
    yield from split({"data": result["data"] & 0xFF, "last": result["last"]})
