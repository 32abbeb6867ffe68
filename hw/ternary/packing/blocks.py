# SPDX-License-Identifier: BSD-2-Clause
"""Byte layouts of model files: GGUF's TQ1_0 and TQ2_0, bitnet.cpp's I2_S, Hugging Face's BitNet."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.ternary.packing.base import Packing, Trits, Words
from gatewright.hw.ternary.packing.groups import GROUP_PACKINGS

QUARTER_CODES = 4  # two-bit codes in a byte
SCALE_BYTES = 2  # one fp16 for each block of GGUF


def _pairs(words: Words) -> NDArray[np.uint8]:
    """Cut bytes into two-bit codes, lowest first, on a new axis in front."""
    shifts = np.arange(0, 8, 2, dtype=np.uint8).reshape(-1, *[1] * words.ndim)
    return words[np.newaxis] >> shifts & np.uint8(3)


@dataclass(frozen=True, kw_only=True)
class StridedPacking(Packing):
    """Two-bit codes ``trit + 1``; the four codes of a byte lie ``stride`` weights apart.

    Attributes
    ----------
    stride : int
        Bytes that hold ``4 * stride`` consecutive weights.
    high_first : bool
        Whether the first ``stride`` weights take the highest bits.
    """

    stride: int
    high_first: bool

    def _encode(self, trits: Trits) -> Words:
        codes = (trits + 1).astype(np.uint8).reshape(*trits.shape[:-1], -1, QUARTER_CODES, self.stride)
        if self.high_first:
            codes = codes[..., ::-1, :]
        shifts = np.arange(0, 8, 2, dtype=np.uint8)[:, np.newaxis]
        words = np.bitwise_or.reduce(codes << shifts, axis=-2)
        return self._wrap(words.reshape(*trits.shape[:-1], -1))

    def _decode(self, words: Words) -> Trits:
        words = self._unwrap(words)
        codes = np.moveaxis(_pairs(words.reshape(*words.shape[:-1], -1, self.stride)), 0, -2)
        if self.high_first:
            codes = codes[..., ::-1, :]
        return codes.astype(np.int8).reshape(*words.shape[:-1], -1) - np.int8(1)

    def _undefined(self, words: Words) -> NDArray[np.bool_]:
        return (_pairs(words) == 3).any(axis=0)

    def _wrap(self, words: Words) -> Words:
        return words

    def _unwrap(self, words: Words) -> Words:
        return words


class ScaledPacking(Packing):
    """A block of GGUF: trits, then an fp16 scale; ``words`` counts the bytes of both."""

    def scales(self, words: NDArray[Any]) -> NDArray[np.float16]:
        """Read the scale of every block."""
        blocks = self._as_words(words).reshape(*np.shape(words)[:-1], -1, self.words)
        return np.ascontiguousarray(blocks[..., -SCALE_BYTES:]).view("<f2")[..., 0]

    def with_scales(self, words: NDArray[Any], scales: NDArray[Any]) -> Words:
        """Give blocks other scales than the 1.0 that `encode` writes."""
        blocks = self._as_words(words).reshape(*np.shape(words)[:-1], -1, self.words).copy()
        half = np.broadcast_to(np.asarray(scales, "<f2"), blocks.shape[:-1])
        blocks[..., -SCALE_BYTES:] = np.ascontiguousarray(half)[..., np.newaxis].view(np.uint8)
        return blocks.reshape(np.shape(words))

    def _append_scales(self, trits: Words) -> Words:
        """Put the scale 1.0 behind each block's bytes."""
        blocks = trits.reshape(*trits.shape[:-1], -1, self.words - SCALE_BYTES)
        ones = np.broadcast_to(np.array([1.0], "<f2").view(np.uint8), (*blocks.shape[:-1], SCALE_BYTES))
        return np.concatenate([blocks, ones], axis=-1).reshape(*trits.shape[:-1], -1)

    def _drop_scales(self, words: Words) -> Words:
        """Give the bytes of the trits, block by block on the last axis."""
        return words.reshape(*words.shape[:-1], -1, self.words)[..., :-SCALE_BYTES]

    def _with_defined_scales(self, wrong: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Widen marks of trit bytes to whole blocks; every pattern of a scale is a number or NaN."""
        fill = np.zeros((*wrong.shape[:-1], SCALE_BYTES), bool)
        return np.concatenate([wrong, fill], axis=-1).reshape(shape)


@dataclass(frozen=True, kw_only=True)
class Tq2Packing(StridedPacking, ScaledPacking):
    """GGUF's TQ2_0."""

    def _wrap(self, words: Words) -> Words:
        return self._append_scales(words)

    def _unwrap(self, words: Words) -> Words:
        return self._drop_scales(words).reshape(*words.shape[:-1], -1)

    def _undefined(self, words: Words) -> NDArray[np.bool_]:
        return self._with_defined_scales(super()._undefined(self._drop_scales(words)), words.shape)


# Weights of a TQ1_0 block, in the order of its parts: weights to a byte, bytes.
TQ1_PARTS = ((5, 32), (5, 16), (4, 4))


@dataclass(frozen=True, kw_only=True)
class Tq1Packing(ScaledPacking):
    """GGUF's TQ1_0: bytes of five trits, strided by 32 and 16, then bytes of four, strided by 4."""

    def _encode(self, trits: Trits) -> Words:
        blocks = trits.reshape(*trits.shape[:-1], -1, self.block)
        parts, start = [], 0
        for per_byte, count in TQ1_PARTS:
            part = blocks[..., start : start + per_byte * count].reshape(*blocks.shape[:-1], per_byte, count)
            start += per_byte * count
            # Four trits leave the fifth digit 0, which is the trit -1.
            quintets = np.full((*blocks.shape[:-1], count, 5), -1, np.int8)
            quintets[..., :per_byte] = np.moveaxis(part, -2, -1)
            parts.append(GROUP_PACKINGS["tq1_g5"].encode(quintets)[..., 0])
        return self._append_scales(np.concatenate(parts, axis=-1).reshape(*trits.shape[:-1], -1))

    def _decode(self, words: Words) -> Trits:
        data = self._drop_scales(words)
        trits, start = [], 0
        for per_byte, count in TQ1_PARTS:
            quintets = GROUP_PACKINGS["tq1_g5"].decode(data[..., start : start + count, np.newaxis])
            trits.append(np.moveaxis(quintets[..., :per_byte], -1, -2).reshape(*data.shape[:-1], -1))
            start += count
        return np.concatenate(trits, axis=-1).reshape(*words.shape[:-1], -1)

    def _undefined(self, words: Words) -> NDArray[np.bool_]:
        data = self._drop_scales(words)
        byte = GROUP_PACKINGS["tq1_g5"]
        wrong = byte.undefined(data)
        fours = TQ1_PARTS[-1][1]
        wrong[..., -fours:] = ~np.isin(data[..., -fours:], byte.codes[::3])
        return self._with_defined_scales(wrong, words.shape)


@dataclass(frozen=True, kw_only=True)
class RowPacking(Packing):
    """Hugging Face's BitNet: byte ``[i, k]`` holds column ``k`` of rows ``i + j * rows / 4``, j = 0 lowest."""

    def _encode(self, trits: Trits) -> Words:
        quarters = (trits + 1).astype(np.uint8).reshape(QUARTER_CODES, -1, *trits.shape[1:])
        shifts = np.arange(0, 8, 2, dtype=np.uint8).reshape(-1, *[1] * trits.ndim)
        return np.bitwise_or.reduce(quarters << shifts, axis=0)

    def _decode(self, words: Words) -> Trits:
        return _pairs(words).reshape(-1, *words.shape[1:]).astype(np.int8) - np.int8(1)

    def _undefined(self, words: Words) -> NDArray[np.bool_]:
        return (_pairs(words) == 3).any(axis=0)


BLOCK_PACKINGS: tuple[Packing, ...] = (
    StridedPacking(
        name="i2_s", block=128, words=32, block_bits=256, stride=32, high_first=True,
        doc="bitnet.cpp I2_S as x86 machines write it; the tensor's float32 scale lies behind the last block.",
    ),
    StridedPacking(
        name="i2_s_arm", block=64, words=16, block_bits=128, stride=16, high_first=True,
        doc="bitnet.cpp I2_S as ARM machines write it.",
    ),
    Tq1Packing(name="tq1_0", block=256, words=54, block_bits=432, doc="GGUF TQ1_0: 48 + 4 bytes of trits, fp16 scale."),
    Tq2Packing(
        name="tq2_0", block=256, words=66, block_bits=528, stride=32, high_first=False,
        doc="GGUF TQ2_0: 64 bytes of trits, fp16 scale.",
    ),
    RowPacking(
        name="hf_bitnet", block=4, words=1, block_bits=8, axis=0,
        doc="Hugging Face BitNet: a byte holds rows that lie a quarter of the matrix apart.",
    ),
)  # fmt: skip
