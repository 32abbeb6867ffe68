# SPDX-License-Identifier: BSD-2-Clause
"""Waveforms of asynchronous serial lines, one level per clock cycle of the receiver."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.int64]


def frames(octets: Iterable[int], period: float, gaps: Sequence[int] | Levels | None = None) -> Levels:
    """Draw octets as 8N1.

    Parameters
    ----------
    octets : iterable of int
        Values to send.
    period : float
        Cycles per bit of the sender; need not be whole.
    gaps : sequence of int, optional
        Idle cycles before each octet.

    Returns
    -------
    array of shape ``(cycles,)``
        Levels; two bits of idle line before and after.
    """
    octets = list(octets)
    lead = round(2 * period)
    edge = float(lead)
    edges: list[tuple[float, int]] = []
    for index, octet in enumerate(octets):
        edge += float(gaps[index]) if gaps is not None else 0.0
        for bit in (0, *((octet >> position) & 1 for position in range(8)), 1):
            edges.append((edge, bit))
            edge += period
    level = np.ones(round(edge) + lead, dtype=np.int64)
    for start, bit in edges:
        level[round(start) :] = bit
    return level
