# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the function unit."""

import numpy as np

from gatewright.hw.core.numerics import Ints, wrap
from gatewright.hw.core.ports import Beats
from gatewright.hw.elementary.function.config import FunctionConfig
from gatewright.hw.elementary.function.model import evaluate


def golden(config: FunctionConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Evaluate every element."""
    beats = inputs["i"]
    return {"o": {"y": function(config, beats["x"]), "last": beats["last"]}}


def function(config: FunctionConfig, x: Ints) -> Ints:
    """Evaluate codes of any shape."""
    return evaluate(config.design, wrap(np.asarray(x, np.int64), config.in_bits, signed=False))
