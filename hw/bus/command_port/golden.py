# SPDX-License-Identifier: BSD-2-Clause
"""What command_port answers, whole frames at a time."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.bus.command_port.config import CommandPortConfig
from gatewright.hw.bus.protocol import REPLY, Command, Status
from gatewright.hw.core.ports import Beats


def split(beats: Beats) -> Iterator[tuple[bytes, bool]]:
    """Give each packet's octets, and its verdict where the stream has one."""
    octets = bytearray()
    verdicts = beats.get("good", np.ones_like(beats["last"]))
    for data, last, good in zip(beats["data"].tolist(), beats["last"].tolist(), verdicts.tolist(), strict=True):
        octets.append(data)
        if last:
            yield bytes(octets), bool(good)
            octets.clear()


def answer(config: CommandPortConfig, request: bytes, results: Iterator[tuple[bytes, bool]]) -> bytes:
    """Give the reply to a sound request."""
    command, sequence, *payload = request
    head = bytes((command | REPLY, sequence))
    match command, len(payload):
        case Command.INFO, 0:
            return head + bytes((Status.OK,)) + config.info.pack()
        case Command.RUN, config.input_bytes:
            return head + bytes((Status.OK,)) + next(results)[0]
        case Command.INFO | Command.RUN, _:
            return head + bytes((Status.WRONG_LENGTH,))
    return head + bytes((Status.UNKNOWN_COMMAND,))


def golden(config: CommandPortConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the replies and the inputs handed on."""
    results = split(inputs["i_result"])
    replies: list[bytes] = []
    handed: list[tuple[bytes, bool]] = []
    for request, good in split(inputs["i"]):
        payload = request[2:]
        if request[0] == Command.RUN and payload:
            handed.append((payload[: config.input_bytes], good and len(payload) == config.input_bytes))
        if good and len(request) > 1:
            replies.append(answer(config, request, results))
    return {"o": _beats(replies), "o_input": _beats([p for p, _ in handed]) | {"good": _verdicts(handed)}}


def _beats(frames: list[bytes]) -> Beats:
    ends = np.concatenate([np.arange(len(frame)) == len(frame) - 1 for frame in frames] or [np.zeros(0)])
    data = np.frombuffer(b"".join(frames), dtype=np.uint8)
    return {"data": data.astype(np.int64), "last": ends.astype(np.int64)}


def _verdicts(handed: list[tuple[bytes, bool]]) -> np.ndarray:
    flags = [int(good and index == len(data) - 1) for data, good in handed for index in range(len(data))]
    return np.array(flags, dtype=np.int64)
