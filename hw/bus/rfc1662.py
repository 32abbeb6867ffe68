# SPDX-License-Identifier: BSD-2-Clause
"""HDLC-like framing of RFC 1662 in plain Python: the reference for both ends of the link."""

from collections.abc import Iterable

from gatewright.hw.core.fcs import FCS_BYTES, fcs16

FLAG = 0x7E
ESCAPE = 0x7D
FLIP = 0x20


def stuff(data: Iterable[int]) -> bytes:
    """Escape the two reserved octets."""
    out = bytearray()
    for octet in data:
        if octet in (FLAG, ESCAPE):
            out += bytes((ESCAPE, octet ^ FLIP))
        else:
            out.append(octet)
    return bytes(out)


def encode(payload: bytes) -> bytes:
    """Wrap a payload: flag, stuffed payload and check sequence, flag."""
    return bytes((FLAG,)) + stuff(payload + fcs16(payload).to_bytes(FCS_BYTES, "little")) + bytes((FLAG,))
