# SPDX-License-Identifier: BSD-2-Clause
"""The real functions, in float64, as the certificate means them."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Name = Literal["exp", "exp2", "reciprocal", "rsqrt", "sigmoid", "tanh", "log2"]
Reals = NDArray[np.float64]

EXPONENTIAL = ("exp", "exp2")
NORMALISED = ("reciprocal", "rsqrt", "log2")
FOLDED = ("sigmoid", "tanh")


def real(name: Name, x: Reals) -> Reals:
    """Evaluate a function; infinite at its pole and where float64 overflows."""
    with np.errstate(divide="ignore", over="ignore"):
        match name:
            case "exp":
                return np.exp(x)
            case "exp2":
                return np.exp2(x)
            case "reciprocal":
                return 1 / x
            case "rsqrt":
                return 1 / np.sqrt(x)
            case "log2":
                return np.log2(x)
            case "sigmoid":
                return 1 / (1 + np.exp(-x))
            case "tanh":
                return np.tanh(x)
