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


def hands_on(config: CommandPortConfig, request: bytes) -> bool:
    """Tell whether a sound request of two octets or more hands a whole input to the accelerator."""
    return config.hands_on(request[0]) and len(request) == 2 + config.input_bytes


def answer(config: CommandPortConfig, request: bytes, results: Iterator[tuple[bytes, bool]]) -> bytes:
    """Give the reply to a sound request."""
    command, sequence, *payload = request
    head = bytes((command | REPLY, sequence))
    match command, len(payload):
        case Command.INFO, 0:
            return head + bytes((Status.OK,)) + config.info.pack()
        case _ if hands_on(config, request):
            return head + bytes((Status.OK,)) + next(results)[0]
        case _ if command == Command.INFO or config.hands_on(command):
            return head + bytes((Status.WRONG_LENGTH,))
    return head + bytes((Status.UNKNOWN_COMMAND,))


def golden(config: CommandPortConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the replies and the inputs handed on."""
    results = split(inputs["i_result"])
    replies: list[bytes] = []
    handed: list[tuple[bytes, bool]] = []
    marks: list[int] = []
    for request, good in split(inputs["i"]):
        payload = request[2:]
        if config.hands_on(request[0]) and payload:
            handed.append((payload[: config.input_bytes], good and len(payload) == config.input_bytes))
            marks += [int(request[0] == Command.LOAD)] * len(handed[-1][0])
        if good and len(request) > 1:
            replies.append(answer(config, request, results))
    forwarded = _beats([payload for payload, _ in handed]) | {"good": _verdicts(handed)}
    if config.loads:
        forwarded["load"] = np.array(marks, np.int64)
    return {"o": _beats(replies), "o_input": forwarded}


def _beats(frames: list[bytes]) -> Beats:
    ends = np.concatenate([np.arange(len(frame)) == len(frame) - 1 for frame in frames] or [np.zeros(0)])
    data = np.frombuffer(b"".join(frames), dtype=np.uint8)
    return {"data": data.astype(np.int64), "last": ends.astype(np.int64)}


def _verdicts(handed: list[tuple[bytes, bool]]) -> np.ndarray:
    flags = [int(good and index == len(data) - 1) for data, good in handed for index in range(len(data))]
    return np.array(flags, dtype=np.int64)
