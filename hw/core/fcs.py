# SPDX-License-Identifier: BSD-2-Clause
"""The 16-bit frame check sequence of RFC 1662 in plain Python.

It is computed by table, as in appendix C of the RFC. The circuit in `gatewright.hw.core.crc` does it
bit by bit and shares nothing with this module.
"""

from collections.abc import Iterable

GOOD = 0xF0B8  # what the register holds after data with its check sequence
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
