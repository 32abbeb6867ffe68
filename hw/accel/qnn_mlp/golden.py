# SPDX-License-Identifier: BSD-2-Clause
"""What the MLP accelerator answers on its serial line: the golden models of its parts, one after the other."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.accel.mlp_core.golden import golden as run_core
from gatewright.hw.accel.qnn_mlp.config import QnnMlpConfig
from gatewright.hw.bus.command_port.golden import answer, split
from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.bus.frame_decode.golden import golden as decode
from gatewright.hw.bus.rfc1662 import encode
from gatewright.hw.core.ports import Beats


def reply(config: QnnMlpConfig, request: bytes) -> bytes | None:
    """Answer one request.

    Parameters
    ----------
    config : QnnMlpConfig
        The accelerator.
    request : bytes
        Payload of a sound frame: command, sequence, payload.

    Returns
    -------
    bytes or None
        Payload of the reply; None where there is none, as a request has two octets or more.
    """
    if len(request) < 2:
        return None
    return answer(config.port, request, _results(config, request[2:]))


def requests(line: bytes) -> list[bytes]:
    """Give the payloads of the sound frames among the octets of a line; all others are dropped."""
    beats = decode(FrameDecodeConfig(), {"i": {"data": np.frombuffer(line, np.uint8).astype(np.int64)}})
    return [payload for payload, good in split(beats["o"]) if good]


def golden(config: QnnMlpConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets sent on ``tx`` for those heard on ``rx``; the host waits for each reply."""
    line = bytes(inputs["rx"]["data"].tolist())
    replies = [reply(config, request) for request in requests(line)]
    sent = b"".join(encode(payload) for payload in replies if payload is not None)
    return {"tx": {"data": np.frombuffer(sent, np.uint8).astype(np.int64)}}


def _results(config: QnnMlpConfig, payload: bytes) -> Iterator[tuple[bytes, bool]]:
    """Run the core, if it is asked to: ``payload`` as signed octets, feature 0 first."""
    ends = np.arange(len(payload)) == len(payload) - 1
    beats: Beats = {
        "data": np.frombuffer(payload, np.int8).astype(np.int64),
        "last": ends.astype(np.int64),
        "good": ends.astype(np.int64),
    }
    result = run_core(config.core, {"i": beats})["o"]
    octets = result["data"] & 0xFF
    yield from split({"data": octets, "last": result["last"]})
