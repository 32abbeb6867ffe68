# SPDX-License-Identifier: BSD-2-Clause
"""The requantisers of attention: of scores and of results, scaled by what comes with a job."""

from typing import Any

from gatewright.hw.quantise.requantise.config import RequantiseConfig


def rescale(config: Any, lanes: int, acc_bits: int, out_bits: int, register: bool) -> RequantiseConfig:
    """Give a requantiser that rounds half up, with the widths of multiplier and shift that a room's config has."""
    return RequantiseConfig(
        lanes=lanes, acc_bits=max(acc_bits, 8), multiplier_bits=config.multiplier_bits, shift_bits=config.shift_bits,
        shift_min=config.shift_min, out_bits=out_bits, contract="half_up", input_register=register,
    )  # fmt: skip
