# SPDX-License-Identifier: BSD-2-Clause
"""The real functions in float64."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

erf = np.vectorize(math.erf, otypes=[np.float64])


def sigmoid(x: NDArray[Any]) -> Reals:
    """Give ``1 / (1 + e**-x)``."""
    return 1 / (1 + np.exp(-x))


def gelu(x: NDArray[Any]) -> Reals:
    """Give ``x Phi(x)``."""
    return x * (1 + erf(x / math.sqrt(2))) / 2


def gelu_tanh(x: NDArray[Any]) -> Reals:
    """Give the form of GELU that takes tanh of a cubic for erf."""
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def relu(x: NDArray[Any]) -> Reals:
    """Give the positive part."""
    return np.maximum(x, 0.0)


FUNCTIONS: Mapping[str, Callable[[NDArray[Any]], Reals]] = {
    "exp": np.exp,
    "exp2": np.exp2,
    "reciprocal": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "log2": np.log2,
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": lambda x: x * sigmoid(x),
    "relu": relu,
    "relu2": lambda x: relu(x) ** 2,
}
