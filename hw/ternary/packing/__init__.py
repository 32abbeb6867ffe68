# SPDX-License-Identifier: BSD-2-Clause
"""Packings of ternary weights by name: `encode` and `decode` between trits and stored words.

A *trit* is a weight in -1, 0, +1. A *group packing* turns ``group`` trits into one code of
``code_bits`` bits; hardware decodes these (see the rooms `trit_decode` and `trit_encode`). A
*block packing* is a file format's byte layout.
"""

from gatewright.hw.ternary.packing.base import Packing, Trits, Words
from gatewright.hw.ternary.packing.groups import GROUP_PACKINGS, GroupPacking, find_group_packing
from gatewright.hw.ternary.packing.names import PACKINGS, decode, encode, find_packing

__all__ = [
    "GROUP_PACKINGS", "PACKINGS", "GroupPacking", "Packing", "Trits", "Words",
    "decode", "encode", "find_group_packing", "find_packing",
]  # fmt: skip
