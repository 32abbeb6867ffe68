# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the serial core: read the constants back from their words, then run `lm_core`'s model."""

from functools import lru_cache

import numpy as np

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.constants import EMBED_DIGITS, ROW_DIGITS, pack_trits
from gatewright.hw.accel.lm_core.golden import Run, replies
from gatewright.hw.accel.lm_core.golden import runs as core_runs
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.vit_core.constants import pack_rows
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats

TRITS_A_WORD = 10


class Reader:
    """Words in order."""

    def __init__(self, words: Ints) -> None:
        self.words, self.at = words, 0

    def take(self, count: int) -> Ints:
        """Give the next words, unsigned."""
        self.at += count
        return self.words[self.at - count : self.at]

    def signed(self, count: int) -> Ints:
        """Give the next words, two's complement."""
        found: Ints = (self.take(count) ^ 0x8000) - 0x8000
        return found

    def octets(self, rows: int, columns: int) -> Ints:
        """Give rows of signed octets, two a word, the lower half first."""
        words = self.take(rows * columns // 2)
        found = np.stack([words & 0xFF, words >> 8], axis=-1)
        return ((found ^ 0x80) - 0x80).reshape(rows, columns)

    def trits(self, rows: int, columns: int) -> Ints:
        """Give rows of trits: five an octet, each the upper part of three times what is left, less one."""
        words = self.take(rows * -(-columns // TRITS_A_WORD))
        left = np.stack([words & 0xFF, words >> 8], axis=-1)
        found = []
        for _ in range(TRITS_A_WORD // 2):
            found.append(3 * left // 256)
            left = 3 * left % 256
        digits = np.stack(found, axis=-1).reshape(rows, -1)
        return digits[:, :columns] - 1


@lru_cache(maxsize=8)
def model_of(config: LmSerialConfig, octets: bytes) -> LmCoreConfig:
    """Read a model from its words.

    Raises
    ------
    ModelError
        If the words are not as many as the model's.
    """
    words = np.frombuffer(octets, np.uint16).astype(np.int64)
    if len(words) != config.image_words:
        raise ModelError(f"the model's words must be {config.image_words}, not {len(words)}")
    reader, wide, mixed, inner = Reader(words), config.features, config.mixed, config.hidden
    gains: list[Ints] = []
    mixer_gains, ffn_gains, weights, scales, attention = [], [], [], [], []

    def matrix(rows: int, columns: int) -> Ints:
        first = tuple(reader.take(2).tolist())
        scales.append(first * 2)
        return reader.trits(rows, columns)

    for _ in range(config.layers):
        gains.append(reader.signed(wide))
        weights.append(np.concatenate([matrix(rows, wide) for rows in (mixed, config.cached, config.cached)]))
        attention.append(tuple(reader.take(4).tolist()))
        mixer_gains.append(reader.signed(mixed))
        weights.append(matrix(wide, mixed))
        gains.append(reader.signed(wide))
        scales.append(tuple(reader.take(4).tolist()))
        weights.append(reader.trits(2 * inner, wide))
        ffn_gains.append(reader.signed(inner))
        weights.append(matrix(wide, inner))
    gains.append(reader.signed(wide))
    weights.append(reader.trits(config.vocab, wide))
    embed = reader.octets(config.vocab, wide)
    return LmCoreConfig(
        **config.engine, request_tokens=config.request_tokens,
        embed=pack_rows(embed, EMBED_DIGITS), gains=pack_rows(np.array(gains), ROW_DIGITS),
        mixer_gains=pack_rows(np.array(mixer_gains), ROW_DIGITS), ffn_gains=pack_rows(np.array(ffn_gains), ROW_DIGITS),
        weights=tuple(pack_trits(rows) for rows in weights), scales=tuple(scales), attention_scales=tuple(attention),
    )  # fmt: skip


def runs(config: LmSerialConfig, boot: Beats, beats: Beats) -> list[Run]:
    """Run every good request, one after the other from a reset on."""
    return core_runs(model_of(config, boot["data"].astype(np.uint16).tobytes()), beats)


def golden(config: LmSerialConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Reply to every good request."""
    return {"o": replies(config, runs(config, inputs["i_boot"], inputs["i"]))}
