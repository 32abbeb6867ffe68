# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the serial divider."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.elementary.divide.config import DivideConfig


def golden(config: DivideConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Divide every beat of ``i``."""
    results = [
        divide(config, int(numerator), int(divisor))
        for numerator, divisor in zip(inputs["i"]["numerator"], inputs["i"]["divisor"], strict=True)
    ]
    kind = np.int64 if config.quotient_bits < 64 else object
    return {
        "o": {
            "quotient": np.array([quotient for quotient, _ in results], dtype=kind),
            "exact": np.array([exact for _, exact in results], dtype=np.int64),
        }
    }


def divide(config: DivideConfig, numerator: int, divisor: int) -> tuple[int, bool]:
    """Give quotient and exactness.

    A zero divisor gives the largest quotient; it counts as exact where the numerator's low
    ``divisor_bits`` are zero.

    Raises
    ------
    ValueError
        If the quotient does not fit: the hardware's answer is undefined there.
    """
    if divisor == 0:
        return (1 << config.quotient_bits) - 1, numerator % (1 << config.divisor_bits) == 0
    quotient, remainder = divmod(numerator, divisor)
    if quotient >> config.quotient_bits:
        raise ValueError(f"{numerator} / {divisor} needs more than {config.quotient_bits} quotient bits")
    return quotient, remainder == 0
