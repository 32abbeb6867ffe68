# SPDX-License-Identifier: BSD-2-Clause
"""Packings of a few trits into one short code: the formats that hardware decodes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.packing.base import Packing, Trits, Words
from gatewright.hw.ternary.packing.escape import escape_g3, escape_g5

Group = tuple[int, ...]
PackingName = Literal[
    "two_bit", "two_bit_signed", "base3_g2", "base3_g3", "base3_g4", "base3_g5", "tl1", "tl2", "tq1_g5",
    "escape_g3", "escape_g5",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class GroupPacking(Packing):
    """A code for each of the ``3**group`` groups of trits.

    Attributes
    ----------
    code_bits : int
        Width of a code.
    codes : tuple of int
        Codes of all groups, counted in base 3 with digits ``trit + 1``, the first trit most significant.
    """

    code_bits: int
    codes: tuple[int, ...]

    @property
    def group(self) -> int:
        """Trits in a group."""
        return self.block

    @property
    def padding_code(self) -> int:
        """Code of a group of zero weights."""
        return self.codes[len(self.codes) // 2]

    @property
    def undefined_codes(self) -> tuple[int, ...]:
        """Codes that stand for no group, ascending."""
        return tuple(sorted(set(range(1 << self.code_bits)) - set(self.codes)))

    @cached_property
    def groups(self) -> tuple[Group | None, ...]:
        """The group of each code; None where the code is undefined."""
        known = dict(zip(self.codes, product((-1, 0, 1), repeat=self.group), strict=True))
        return tuple(known.get(code) for code in range(1 << self.code_bits))

    def pack_bits(self, codes: NDArray[np.uint8]) -> Words:
        """Squeeze codes along the last axis into bytes, the first code in the lowest bits, zero bits at the end."""
        bits = codes[..., np.newaxis] >> np.arange(self.code_bits, dtype=np.uint8) & 1
        return np.packbits(bits.reshape(*codes.shape[:-1], -1), axis=-1, bitorder="little")

    def unpack_bits(self, packed: Words, count: int) -> Words:
        """Take ``count`` codes out of bytes; the inverse of `pack_bits`."""
        bits = np.unpackbits(packed, axis=-1, count=count * self.code_bits, bitorder="little")
        return np.packbits(
            bits.reshape(*packed.shape[:-1], count, self.code_bits), axis=-1, bitorder="little"
        )[..., 0]  # fmt: skip

    def _encode(self, trits: Trits) -> Words:
        powers = 3 ** np.arange(self.group - 1, -1, -1)
        digits = trits.reshape(*trits.shape[:-1], -1, self.group).astype(np.int64) + 1
        return np.array(self.codes, np.uint8)[digits @ powers]

    def _decode(self, words: Words) -> Trits:
        known = [group or (0,) * self.group for group in self.groups]
        known += [(0,) * self.group] * (256 - len(known))
        return np.array(known, np.int8)[words].reshape(*words.shape[:-1], -1)

    def _undefined(self, words: Words) -> NDArray[np.bool_]:
        return ~np.isin(words, self.codes)


def _packing(name: str, group: int, code_bits: int, codes: Iterable[int], doc: str) -> GroupPacking:
    return GroupPacking(
        name=name, block=group, words=1, block_bits=code_bits, doc=doc, code_bits=code_bits, codes=tuple(codes)
    )  # fmt: skip


def _sign_magnitude(group: Group) -> int:
    """Give TL2's code: the magnitude of the base-3 value of the trits, and its sign above."""
    value = 0
    for trit in group:
        value = 3 * value + trit
    return abs(value) | (16 if value < 0 else 0)


def _tq1_byte(number: int) -> int:
    """Give GGUF's byte for five trits: the number as a fraction of 243, in 256ths and rounded up."""
    return -(-number * 256 // 243)


def _group_packings() -> dict[str, GroupPacking]:
    triples, quintets = (tuple(product((-1, 0, 1), repeat=count)) for count in (3, 5))
    known = [
        _packing("two_bit", 1, 2, range(3), "trit + 1 in 2 bits; code 3 is undefined."),
        _packing("two_bit_signed", 1, 2, (3, 0, 1), "Two's complement, which is (sign, nonzero); code 2 is undefined."),
        _packing("base3_g2", 2, 4, range(9), "Base 3, digits trit + 1, first trit most significant."),
        _packing("base3_g3", 3, 5, range(27), "As base3_g2 with three trits, the index of TLMM tables."),
        _packing("base3_g4", 4, 7, range(81), "As base3_g2 with four trits."),
        _packing("base3_g5", 5, 8, range(243), "As base3_g2 with five trits in a byte."),
        _packing("tl1", 2, 4, (3 * a + b + 4 for a in (-1, 0, 1) for b in (-1, 0, 1)), "bitnet.cpp TL1: 3a + b + 4."),
        _packing("tl2", 3, 5, map(_sign_magnitude, triples), "bitnet.cpp TL2: |9a + 3b + c| in 4 bits, sign above."),
        _packing("tq1_g5", 5, 8, map(_tq1_byte, range(243)), "A whole byte of GGUF's TQ1_0: base 3 as a fraction."),
        _packing("escape_g3", 3, 5, map(escape_g3, triples), "Two (sign, nonzero) fields and a bit; cheap to decode."),
        _packing("escape_g5", 5, 8, map(escape_g5, quintets), "Four such fields; 1.6 bits a weight, cheap to decode."),
    ]
    return {packing.name: packing for packing in known}


GROUP_PACKINGS = MappingProxyType(_group_packings())


def find_group_packing(name: str) -> GroupPacking:
    """Look up a packing that hardware decodes."""
    if name not in GROUP_PACKINGS:
        raise ConfigError(f"packing must be one of {', '.join(GROUP_PACKINGS)}, not {name!r}")
    return GROUP_PACKINGS[name]
