# SPDX-License-Identifier: BSD-2-Clause
"""What row kernels share: quotients and roots digit by digit, exponentials, how a row becomes beats."""

from collections.abc import Sequence

import numpy as np

from gatewright.hls_kernels.block import Builder
from gatewright.hls_kernels.expr import Expr, Int, mux, type_of
from gatewright.hw.core.numerics import Ints
from gatewright.hw.elementary.split_exp import SplitExp


def divide(builder: Builder, name: str, numerator: Expr, divisor: Expr, bits: int) -> Expr:
    """Give ``(numerator << bits) // divisor`` by long division; the numerator is at most the divisor, which isn't 0."""
    rest_type = Int(divisor.type.bits + 1)
    divisor = builder.let(f"{name}_divisor", divisor)

    def digit(_: Expr, state: tuple[Expr, ...]) -> Sequence[Expr]:
        rest, quotient = state
        fits = builder.let(f"{name}_fits", rest >= divisor)
        left = mux(fits, rest - divisor, rest).to(rest_type)
        return left << 1, (quotient << 1) + fits

    _, quotient = builder.walk(bits + 1, {f"{name}_rest": (rest_type, numerator), name: (Int(bits + 1), 0)}, digit)
    return quotient


def square_root(builder: Builder, name: str, value: Expr, digits: int) -> Expr:
    """Give the root of a number of ``2 * digits`` bits, rounded down, digit by digit."""
    whole, rest_type = Int(2 * digits), Int(digits + 2)

    def digit(_: Expr, state: tuple[Expr, ...]) -> Sequence[Expr]:
        ahead, rest, root = state
        rest = builder.let(f"{name}_rest_now", (rest << 2) + (ahead >> (2 * digits - 2)))
        trial = builder.let(f"{name}_trial", (root << 2) + 1)
        fits = builder.let(f"{name}_fits", rest >= trial)
        return ahead << 2, mux(fits, rest - trial, rest), (root << 1) + fits

    states: dict[str, tuple[Int, Expr | int]] = {
        f"{name}_ahead": (whole, value), f"{name}_rest": (rest_type, 0), name: (Int(digits), 0)
    }  # fmt: skip
    return builder.walk(digits, states, digit)[2]


def exponential(builder: Builder, name: str, table: SplitExp, index: Expr) -> Expr:
    """Read an exponential: two tables, a product, and its low bits dropped."""
    index = builder.let(f"{name}_index", index.low_bits(((len(table.high) * len(table.low)) - 1).bit_length()))
    high = builder.look_up(f"{name}_high", table.high, index >> table.low_bits)
    low = builder.look_up(f"{name}_low", table.low, index.low_bits(table.low_bits))
    most = max(max(table.high) * max(table.low) >> table.drop, 1)
    return builder.let(name, ((high * low) >> table.drop).to(type_of(0, most)))


def ends(beats: int, length: int) -> Ints:
    """Mark the last of every ``length`` beats."""
    return (np.arange(beats) % length == length - 1).astype(np.int64)


def beats_of(rows: Ints, lanes: int) -> Ints:
    """Cut rows into beats, the last filled up with zeros."""
    lacking = -rows.shape[1] % lanes
    return np.pad(rows, ((0, 0), (0, lacking))).reshape(-1, lanes)


def rows_of(beats: Ints, elements: int, lanes: int) -> Ints:
    """Join beats to rows; the inverse of `beats_of`."""
    return beats.reshape(-1, -(-elements // lanes) * lanes)[:, :elements]
