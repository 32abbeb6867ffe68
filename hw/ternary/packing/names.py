# SPDX-License-Identifier: BSD-2-Clause
"""All packings by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.packing.base import Packing, Trits, Words
from gatewright.hw.ternary.packing.blocks import BLOCK_PACKINGS
from gatewright.hw.ternary.packing.groups import GROUP_PACKINGS

PACKINGS: Mapping[str, Packing] = MappingProxyType(
    {**GROUP_PACKINGS, **{packing.name: packing for packing in BLOCK_PACKINGS}}
)


def find_packing(name: str) -> Packing:
    """Look up a packing.

    Raises
    ------
    ConfigError
        If there is none of that name; the line lists the known ones.
    """
    if name not in PACKINGS:
        raise ConfigError(f"packing must be one of {', '.join(PACKINGS)}, not {name!r}")
    return PACKINGS[name]


def encode(name: str, trits: NDArray[Any]) -> Words:
    """Pack trits by the packing of that name; see `Packing.encode`."""
    return find_packing(name).encode(trits)


def decode(name: str, words: NDArray[Any]) -> Trits:
    """Unpack trits by the packing of that name; see `Packing.decode`."""
    return find_packing(name).decode(words)
