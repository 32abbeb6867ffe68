# SPDX-License-Identifier: BSD-2-Clause
"""The octets that bring a matrix to a core whose weights are loaded."""

from gatewright.hw.accel.ternary_core.config import TernaryCoreConfig, word_integers
from gatewright.hw.core.numerics import Ints
from gatewright.hw.ternary.ternary_matvec.words import weight_beats


def load_payloads(config: TernaryCoreConfig, matrix: Ints) -> tuple[bytes, ...]:
    """Give the payloads of the LOAD requests for a matrix (out_features, in_features), in order."""
    size = config.weight_store.width // 8
    words = word_integers(weight_beats(config.matvec, matrix)["code"], config.code.bits)
    octets = b"".join(word.to_bytes(size, "little") for word in words)
    count = config.in_features
    return tuple(octets[start : start + count].ljust(count, b"\0") for start in range(0, len(octets), count))
