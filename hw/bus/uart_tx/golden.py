# SPDX-License-Identifier: BSD-2-Clause
"""The waveform that uart_tx makes, one level per clock cycle."""

import numpy as np

from gatewright.hw.bus.uart_tx.config import UartTxConfig
from gatewright.hw.core.ports import Beats


def golden(config: UartTxConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Give ``tx.level`` from the first start bit to the end of the last stop bit, octets back to back."""
    data = np.asarray(inputs["i"]["data"], dtype=np.int64)
    bits = np.ones((len(data), 10), dtype=np.int64)
    bits[:, 0] = 0
    bits[:, 1:9] = (data[:, None] >> np.arange(8)) & 1
    return {"tx": {"level": np.repeat(bits.ravel(), config.divisor)}}
