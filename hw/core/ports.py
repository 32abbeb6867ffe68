# SPDX-License-Identifier: BSD-2-Clause
"""Descriptions of stream ports, shared by component, golden model, bench and driver.

A *beat* is one transfer. Beats of one port are held as ``{field: array}`` with arrays of shape
``(beats, *field.shape)``: int64, or object where a field is wider than 63 bits.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Beats = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class PayloadField:
    """One field of a payload: an integer, or an array of equal integers.

    Attributes
    ----------
    name : str
        Field name; ``last`` marks the final beat of a packet.
    bits : int
        Width of one element, in bits.
    signed : bool
        Two's complement if true.
    shape : tuple of int
        Array shape; element 0 sits at the least significant end, last axis fastest.
    """

    name: str
    bits: int
    signed: bool = False
    shape: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """Elements in the field."""
        return math.prod(self.shape)

    @property
    def low(self) -> int:
        """Smallest value of one element."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest value of one element."""
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1


@dataclass(frozen=True)
class StreamPort:
    """A stream with a structured payload: ``<name>__payload``, ``<name>__valid``, ``<name>__ready``."""

    name: str
    fields: tuple[PayloadField, ...]
    doc: str = ""

    @property
    def bits(self) -> int:
        """Payload width in bits; the first field is at the least significant end."""
        return sum(field.bits * field.count for field in self.fields)

    @property
    def packet(self) -> bool:
        """Whether the stream marks packet ends with a ``last`` field."""
        return any(field.name == "last" for field in self.fields)

    def field(self, name: str) -> PayloadField:
        """Look up a field by name."""
        return next(field for field in self.fields if field.name == name)

    def pack(self, beats: Beats) -> list[int]:
        """Turn beats into payload words, as unsigned Python integers."""
        words = [0] * beat_count(beats)
        offset = 0
        for field in self.fields:
            mask = (1 << field.bits) - 1
            columns = np.asarray(beats[field.name]).reshape(len(words), field.count)
            for beat, row in enumerate(columns.tolist()):
                for index, value in enumerate(row):
                    words[beat] |= (value & mask) << (offset + index * field.bits)
            offset += field.bits * field.count
        return words

    def unpack(self, words: Sequence[int]) -> Beats:
        """Turn payload words into beats; the inverse of `pack`."""
        beats: Beats = {}
        offset = 0
        for field in self.fields:
            mask, sign = (1 << field.bits) - 1, 1 << (field.bits - 1)
            flat = [
                (word >> (offset + index * field.bits)) & mask for word in words for index in range(field.count)
            ]
            if field.signed:
                flat = [value - 2 * sign if value & sign else value for value in flat]
            kind = np.int64 if field.bits < 64 else object
            beats[field.name] = np.array(flat, dtype=kind).reshape(len(words), *field.shape)
            offset += field.bits * field.count
        return beats


def beat_count(beats: Mapping[str, NDArray[np.int64]]) -> int:
    """Count the beats of one port."""
    return len(next(iter(beats.values())))


def packets(beats: Beats) -> list[slice]:
    """Split beats at ``last``; beats after the final ``last`` belong to no packet."""
    ends = np.flatnonzero(beats["last"]) + 1
    starts = [0, *ends.tolist()]
    return [slice(start, int(end)) for start, end in zip(starts, ends, strict=False)]
