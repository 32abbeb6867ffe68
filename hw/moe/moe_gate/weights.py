# SPDX-License-Identifier: BSD-2-Clause
"""Gate matrices as parameters, and as the words of a memory."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.numerics import Ints


def rows_of(matrix: NDArray[np.integer]) -> tuple[str, ...]:
    """Write matrices (gates, experts, features) of int8 as the parameter ``weights``."""
    octets = np.asarray(matrix, np.int8)
    return tuple(row.tobytes().hex() for row in octets.reshape(-1, octets.shape[-1]))


def demo_rows() -> tuple[str, ...]:
    """Give the room's default weights: one gate of 8 experts and 16 features."""
    return rows_of(np.random.default_rng(0).integers(-128, 128, (1, 8, 16)))


def matrix_of(rows: tuple[str, ...], experts: int) -> Ints:
    """Read the parameter: (gates, experts, features)."""
    octets = np.frombuffer(bytes.fromhex("".join(rows)), np.int8).astype(np.int64)
    return octets.reshape(-1, experts, len(octets) // len(rows))


def image(matrix: Ints, lanes: int) -> list[int]:
    """Lay matrices out as words: for each gate and beat the weights of all experts, a beat's lanes side by side."""
    gates, experts, features = matrix.shape
    words = matrix.astype(np.int8).reshape(gates, experts, features // lanes, lanes).transpose(0, 2, 1, 3)
    return [int.from_bytes(word.tobytes(), "little") for word in words.reshape(-1, experts * lanes)]
