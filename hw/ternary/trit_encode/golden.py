# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the trit encoder."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.trit_encode.config import TritEncodeConfig


def golden(config: TritEncodeConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Pack every beat of ``i`` by the packing's own definition; a -2 packs as 0 and raises the flag."""
    trits = inputs["i"]["trit"]
    wrong = trits == -2
    return {
        "o": {
            "code": config.code.encode(np.where(wrong, 0, trits)).astype(np.int64),
            "invalid": wrong.any(axis=1).astype(np.int64),
            "last": inputs["i"]["last"].copy(),
        }
    }
