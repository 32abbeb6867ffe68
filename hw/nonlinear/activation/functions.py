# SPDX-License-Identifier: BSD-2-Clause
"""The real functions, what their halves have in common, and the nearest code to each value."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Function = Literal["gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "relu", "relu2"]
Kind = Literal["relu", "reflect", "positive"]

# relu: f(x) = relu(x) - f(-|x|)'s magnitude, an even function; reflect: f(x) + f(-x) is constant;
# positive: f(x) = 0 below zero.
KINDS: dict[str, Kind] = {
    "gelu": "relu", "gelu_tanh": "relu", "silu": "relu", "relu": "relu",
    "sigmoid": "reflect", "tanh": "reflect", "relu2": "positive",
}  # fmt: skip

EXACT = ("relu", "relu2")  # rational: computed without floats


def delta(function: str, u: float) -> float:
    """Give ``relu(x) - f(x)`` at ``|x| = u``, without cancellation, for a function of kind relu."""
    match function:
        case "gelu":
            return 0.5 * u * math.erfc(u / math.sqrt(2.0))
        case "gelu_tanh":
            return u * _logistic(-2.0 * math.sqrt(2.0 / math.pi) * (u + 0.044715 * u**3))
        case "silu":
            return u * _logistic(-u)
        case _:
            return 0.0


def real(function: str, x: float) -> float:
    """Give the function's value."""
    match function:
        case "sigmoid":
            return _logistic(x)
        case "tanh":
            return math.tanh(x)
        case "relu2":
            return max(x, 0.0) ** 2
        case _:
            return max(x, 0.0) - delta(function, abs(x))


def turn(function: str) -> float:
    """Give ``f(x) + f(-x)`` of a function of kind reflect."""
    return 1.0 if function == "sigmoid" else 0.0


def _logistic(x: float) -> float:
    # The exponential of a large number overflows; its reciprocal is 0 long before.
    return 1.0 / (1.0 + math.exp(-x)) if x > -700.0 else 0.0


def values(evaluate: Callable[[float], float], codes: NDArray[np.int64], step: Fraction) -> NDArray[np.float64]:
    """Evaluate at ``code * step``."""
    unit = float(step)
    return np.array([evaluate(code * unit) for code in codes.tolist()], np.float64)


def nearest(
    function: str, codes: NDArray[np.int64], step: Fraction, out_step: Fraction, zero: int
) -> NDArray[np.int64]:
    """Give ``f(code * step) / out_step + zero`` to the nearest integer, ties to even, without any limit.

    The transcendental functions have no tie but at 0, where floats are exact.
    """
    if function in EXACT:
        power = 2 if function == "relu2" else 1
        scale = step**power / out_step
        exact = [round(max(code, 0) ** power * scale + zero) for code in codes.tolist()]
        return np.array([min(value, 1 << 60) for value in exact], np.int64)
    scaled = values(lambda x: real(function, x), codes, step) * float(1 / out_step) + zero
    return np.rint(np.clip(scaled, -(2.0**60), 2.0**60)).astype(np.int64)
