# SPDX-License-Identifier: BSD-2-Clause
"""HDLC-like framing of RFC 1662 in plain Python: the reference for both ends of the link.

The frame check sequence is computed by table, as in appendix C of the RFC. The circuit in
`gatewright.hw.bus.crc` does it bit by bit and shares nothing with this module.
"""

from collections.abc import Iterable

FLAG = 0x7E
ESCAPE = 0x7D
FLIP = 0x20
GOOD = 0xF0B8  # what the register holds after a frame with its check sequence
FCS_BYTES = 2


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ 0x8408 if value & 1 else value >> 1
    return value


_TABLE = tuple(_entry(value) for value in range(256))


def fcs_register(data: Iterable[int], start: int = 0xFFFF) -> int:
    """Give the check register after ``data``; ``start`` continues an earlier run."""
    register = start
    for octet in data:
        register = (register >> 8) ^ _TABLE[(register ^ octet) & 0xFF]
    return register


def fcs16(data: Iterable[int]) -> int:
    """Give the 16-bit check sequence of a payload (CRC-16/X-25); it is sent low byte first."""
    return fcs_register(data) ^ 0xFFFF


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
