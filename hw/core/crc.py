# SPDX-License-Identifier: BSD-2-Clause
"""The 16-bit frame check sequence of RFC 1662 as a network of XORs."""

from typing import Any

from amaranth import Cat, Const


def fcs_next(register: Any, octet: Any) -> Any:
    """Give the check register after one more octet, least significant bit first.

    Parameters
    ----------
    register : Value
        16 bits; 0xFFFF before the first octet.
    octet : Value
        8 bits.

    Returns
    -------
    Value
        16 bits, combinational.
    """
    bits = [register[index] for index in range(16)]
    for index in range(8):
        feedback = bits[0] ^ octet[index]
        bits = [*bits[1:], Const(0, 1)]
        for tap in (15, 10, 3):  # x^16 + x^12 + x^5 + 1, reflected: 0x8408
            bits[tap] = bits[tap] ^ feedback
    return Cat(*bits)
