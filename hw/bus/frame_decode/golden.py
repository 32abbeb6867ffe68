# SPDX-License-Identifier: BSD-2-Clause
"""What frame_decode gives: the octets are cut at the flags, then each piece is judged whole."""

import numpy as np

from gatewright.hw.bus.frame_decode.config import FrameDecodeConfig
from gatewright.hw.bus.rfc1662 import ESCAPE, FLAG, FLIP
from gatewright.hw.core.fcs import FCS_BYTES, GOOD, fcs_register
from gatewright.hw.core.ports import Beats


def unstuff(piece: bytes) -> tuple[bytes, bool]:
    """Undo the escapes of what lies between two flags; true if it ends in a lone escape."""
    out = bytearray()
    octets = iter(piece)
    for octet in octets:
        if octet != ESCAPE:
            out.append(octet)
            continue
        following = next(octets, None)
        if following is None:
            return bytes(out), True
        out.append(following ^ FLIP)
    return bytes(out), False


def golden(config: FrameDecodeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the payload beats of a byte stream; a frame still open at its end has no last beat."""
    *closed, rest = bytes(inputs["i"]["data"].tolist()).split(bytes((FLAG,)))
    beats: list[tuple[int, int, int]] = []
    for piece in closed:
        octets, aborted = unstuff(piece)
        if len(octets) <= FCS_BYTES:
            continue
        payload = octets[:-FCS_BYTES]
        good = int(not aborted and fcs_register(octets) == GOOD)
        beats += [(octet, 0, 0) for octet in payload[:-1]] + [(payload[-1], 1, good)]
    octets, _ = unstuff(rest)
    beats += [(octet, 0, 0) for octet in octets[: -(FCS_BYTES + 1)]]
    table = np.array(beats, dtype=np.int64).reshape(-1, 3)
    return {"o": {"data": table[:, 0], "last": table[:, 1], "good": table[:, 2]}}
