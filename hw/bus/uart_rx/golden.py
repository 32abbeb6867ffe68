# SPDX-License-Identifier: BSD-2-Clause
"""What uart_rx hears in a waveform, one level per clock cycle."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.bus.uart_rx.config import UartRxConfig
from gatewright.hw.core.ports import Beats


def receive(config: UartRxConfig, level: NDArray[np.int64]) -> tuple[list[tuple[int, int]], list[int]]:
    """Decode a waveform.

    Parameters
    ----------
    config : UartRxConfig
        Gives cycles per bit.
    level : array
        Line level per cycle, shape ``(cycles,)``, 0 or 1, as seen from reset on.

    Returns
    -------
    octets : list of (cycle, value)
        Octets with a sound stop bit, and the cycle in which that was sampled.
    errors : list of int
        Cycles in which a stop bit was sampled low.
    """
    falls = np.flatnonzero((level[:-1] == 1) & (level[1:] == 0)) + 1
    octets: list[tuple[int, int]] = []
    errors: list[int] = []
    free = 0  # the first cycle in which a falling edge is heard
    for fall in falls.tolist():
        if fall < free:
            continue
        middles = fall + config.half + config.divisor * np.arange(10)
        if middles[0] >= len(level):
            break
        free = middles[0] + 1
        if level[middles[0]]:
            continue  # too short for a start bit
        free = middles[9] + 1
        if middles[9] >= len(level):
            break
        if level[middles[9]]:
            octets.append((int(middles[9]), int(level[middles[1:9]] @ (1 << np.arange(8)))))
        else:
            errors.append(int(middles[9]))
    return octets, errors


def golden(config: UartRxConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give the octets in a waveform ``rx.level``, where the consumer is always ready."""
    octets, _ = receive(config, np.asarray(inputs["rx"]["level"]))
    return {"o": {"data": np.array([value for _, value in octets], dtype=np.int64)}}
