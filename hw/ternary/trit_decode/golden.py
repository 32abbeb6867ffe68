# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the trit decoder: each code is taken apart by arithmetic, no table is read."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.trit_decode.config import TritDecodeConfig

Mask = NDArray[np.bool_]


def golden(config: TritDecodeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Decode every beat of ``i``.

    A group with an undefined code becomes zero weights, except that the escape packings read such a
    code by their own rules, with an escape that has no meaning read as 0.
    """
    codes = np.asarray(inputs["i"]["code"])
    trits, undefined = take_apart(config.packing, codes)
    if not config.packing.startswith("escape"):
        trits = np.where(undefined[..., np.newaxis], 0, trits)
    return {
        "o": {
            "trit": trits.reshape(len(codes), config.trits),
            "invalid": np.any(undefined, axis=1).astype(np.int64),
            "last": inputs["i"]["last"].copy(),
        }
    }


def take_apart(packing: str, code: Ints) -> tuple[Ints, Mask]:
    """Give the trits of codes on a new last axis, and where a code is undefined."""
    match packing:
        case "two_bit":
            return (code - 1)[..., np.newaxis], code == 3
        case "two_bit_signed":
            return (code - 4 * (code >> 1))[..., np.newaxis], code == 2
        case "tl1":
            return base3(code - 4, 2), code > 8
        case "tl2":
            magnitude, negative = code & 15, code >> 4
            undefined = (magnitude > 13) | ((magnitude == 0) & (negative == 1))
            return base3(np.where(negative == 1, -magnitude, magnitude), 3), undefined
        case "tq1_g5":
            # The byte is the ceiling of number * 256 / 243.
            number = code * 243 // 256
            return base3(number - 121, 5), -(-number * 256 // 243) != code
        case "escape_g3":
            return _escape_g3(code)
        case "escape_g5":
            return _escape_g5(code)
    count = int(packing.removeprefix("base3_g"))
    return base3(code - (3**count - 1) // 2, count), code >= 3**count


def base3(value: Ints, count: int) -> Ints:
    """Split values into ``count`` balanced digits, the most significant first."""
    found = []
    for _ in range(count):
        digit = (value + 1) % 3 - 1
        found.append(digit)
        value = (value - digit) // 3
    return np.stack(found[::-1], axis=-1)


def _field(code: Ints, index: int) -> tuple[Ints, Mask]:
    """Read a two-bit field as a trit, and whether it holds the escape, which reads as 0."""
    value = code >> 2 * index & 3
    return np.where(value == 2, 0, value - 4 * (value >> 1)), value == 2


def _escape_g3(code: Ints) -> tuple[Ints, Mask]:
    (a, gone_a), (b, gone_b), c = _field(code, 0), _field(code, 1), code >> 4
    minus = -np.ones_like(code)
    trits = np.select(
        [gone_a[..., np.newaxis], gone_b[..., np.newaxis]],
        [np.stack([c, b, minus], axis=-1), np.stack([minus, a, minus], axis=-1)],
        np.stack([a, b, c], axis=-1),
    )
    return trits, gone_b & (gone_a | (c == 1))


def _escape_g5(code: Ints) -> tuple[Ints, Mask]:
    (a, gone_a), (b, gone_b), (d, gone_d) = (_field(code, k) for k in range(3))
    pair, c1, c0 = _field(code, 3), code >> 7, code >> 6 & 1
    c, minus = pair[0], -np.ones_like(code)
    zero, one = 0 * code, 0 * code + 1
    missing = gone_a + 2 * gone_b + 4 * gone_d
    tail = [np.where(c1 == 0, -1, c0), np.where(c1 == 0, c0, -1)]
    rows = [
        (a, b, d, c1, c0), (zero, b, d, *tail), (one, a, d, *tail), (zero, c, d, minus, minus),
        (minus, b, a, *tail), (one, b, c, minus, minus), (minus, a, c, minus, minus), (zero, c, c, minus, minus),
    ]  # fmt: skip
    trits = np.select([(missing == k)[..., np.newaxis] for k in range(8)], [np.stack(row, axis=-1) for row in rows])
    several = np.isin(missing, (3, 5, 6))
    return trits, (missing == 7) | (several & pair[1])
