# SPDX-License-Identifier: BSD-2-Clause
"""Truth tables as logic."""

from collections.abc import Sequence

from amaranth import Cat, Const, Value


def look_up(entries: Sequence[int], bits: int, address: Value) -> Value:
    """Give a constant table as one function of the address for each bit: what LUTs are.

    Addresses past the last entry read zero.
    """
    assert len(entries) <= 1 << len(address)
    columns = [sum((entry >> bit & 1) << k for k, entry in enumerate(entries)) for bit in range(bits)]
    return Cat(Const(column, 1 << len(address)).bit_select(address, 1) for column in columns)
