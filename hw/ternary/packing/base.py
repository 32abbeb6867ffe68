# SPDX-License-Identifier: BSD-2-Clause
"""What every packing of trits promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ModelError

Trits = NDArray[np.int8]
Words = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Packing(ABC):
    """A reversible map from trits to words, block by block along one axis.

    Attributes
    ----------
    name : str
        What users write.
    block : int
        Trits that are packed together.
    words : int
        Words of a packed block, at most 8 bits each.
    block_bits : int
        Bits of a packed block in storage, scales included.
    axis : int
        Axis along which blocks lie.
    doc : str
        One line.
    """

    name: str
    block: int
    words: int
    block_bits: int
    axis: int = -1
    doc: str = ""

    @property
    def bits_per_weight(self) -> float:
        """Bits that a weight takes in storage, scales included."""
        return self.block_bits / self.block

    @property
    def padding(self) -> Words:
        """Words of a block of zero weights: what fills the end of a row. Few packings give zero words."""
        return self.encode(np.zeros(self.block, np.int8))

    def encode(self, trits: NDArray[Any]) -> Words:
        """Pack trits.

        Parameters
        ----------
        trits : array of int
            -1, 0 and +1; the packed axis is a multiple of ``block`` long.

        Returns
        -------
        array of uint8
            The packed axis holds ``words`` for every ``block``.

        Raises
        ------
        ModelError
            If the length is wrong or a weight is no trit.
        """
        trits = np.asarray(trits)
        self._check_length(trits, self.block, "weights")
        wrong = ~np.isin(trits, (-1, 0, 1))
        if wrong.any():
            raise ModelError(f"{self.name}: weights must be -1, 0 or 1, not {trits[wrong][0]}")
        return self._encode(trits.astype(np.int8))

    def decode(self, words: NDArray[Any]) -> Trits:
        """Unpack trits; the inverse of `encode`.

        Raises
        ------
        ModelError
            If the length is wrong or a word is undefined.
        """
        words = self._as_words(words)
        wrong = self.undefined(words)
        if wrong.any():
            raise ModelError(
                f"{self.name}: word {words[wrong][0]} at {tuple(int(k) for k in np.argwhere(wrong)[0])} stands for "
                f"no weights; {int(wrong.sum())} of {words.size} words are undefined"
            )
        return self._decode(words)

    def undefined(self, words: NDArray[Any]) -> NDArray[np.bool_]:
        """Mark the words that `encode` never produces."""
        return self._undefined(self._as_words(words))

    def pad(self, trits: NDArray[Any]) -> NDArray[Any]:
        """Append zero weights until the packed axis is a multiple of ``block`` long."""
        trits = np.asarray(trits)
        widths = [(0, 0)] * trits.ndim
        widths[self.axis] = (0, -trits.shape[self.axis] % self.block)
        return np.pad(trits, widths)

    def _as_words(self, words: NDArray[Any]) -> Words:
        words = np.asarray(words)
        self._check_length(words, self.words, "words")
        if words.dtype.kind not in "iu":
            raise ModelError(f"{self.name}: words must be integers, not {words.dtype}")
        wrong = (words < 0) | (words > 255)
        if wrong.any():
            raise ModelError(f"{self.name}: words must lie in 0..255, not {words[wrong][0]}")
        return words.astype(np.uint8)

    def _check_length(self, array: NDArray[Any], unit: int, what: str) -> None:
        length = array.shape[self.axis] if array.ndim else 0
        if array.ndim == 0 or length % unit:
            raise ModelError(f"{self.name}: {what} along axis {self.axis} must be a multiple of {unit}, not {length}")

    @abstractmethod
    def _encode(self, trits: Trits) -> Words: ...

    @abstractmethod
    def _decode(self, words: Words) -> Trits: ...

    @abstractmethod
    def _undefined(self, words: Words) -> NDArray[np.bool_]: ...
