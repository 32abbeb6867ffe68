# SPDX-License-Identifier: BSD-2-Clause
"""I-BERT's integer GELU, exponential and softmax: second-order polynomials on integer codes.

From the publication (arXiv 2101.01321): a polynomial ``a (x + b)**2 + c`` of ``x = q S`` is evaluated
as ``(q + floor(b / S))**2 + floor(c / (a S**2))``, whose unit is ``a S**2``; its coefficients; the
clipping of erf; exp by ``2**-z`` times a polynomial on (-ln 2, 0]; softmax subtracts the maximum and
divides. ITA uses the same GELU with constants rounded to nearest instead of down, and codes not below
-127: ``rounding = "nearest"``.

Assumed, as in the public code: softmax divides by multiplying with ``floor(2**32 / sum)``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatewright.hw.core.numerics import Ints

ERF = (-0.2888, -1.769, 1.0)
EXP = (0.3585, 1.353, 0.344)
Round = Literal["down", "nearest"]


@dataclass(frozen=True)
class Scaled:
    """Integer codes and the real value of one unit; the unit may be negative."""

    codes: Ints
    unit: float

    @property
    def real(self) -> np.ndarray:
        """The real numbers."""
        return self.codes * self.unit


def polynomial(q: Ints, unit: float, coefficients: tuple[float, float, float], rounding: Round = "down") -> Scaled:
    """Evaluate ``a (x + b)**2 + c`` at ``x = q unit``."""
    a, b, c = coefficients
    to_integer = _rounder(rounding)
    square = a * unit * unit
    return Scaled((q + to_integer(b / unit)) ** 2 + to_integer(c / square), square)


def erf(q: Ints, unit: float, rounding: Round = "down") -> Scaled:
    """Evaluate erf, clipped where the polynomial has its extremum."""
    limit = -_rounder(rounding)(ERF[1] / unit)
    value = polynomial(np.minimum(np.abs(q), limit), unit, ERF, rounding)
    return Scaled(np.sign(q) * value.codes, value.unit)


def gelu(q: Ints, unit: float, rounding: Round = "down") -> Scaled:
    """Evaluate ``x (1 + erf(x / sqrt 2)) / 2``."""
    if rounding == "nearest":
        q = np.maximum(q, -127)
    value = erf(q, unit / math.sqrt(2), rounding)
    one = _rounder(rounding)(1 / value.unit)
    return Scaled(q * (value.codes + one), unit * value.unit / 2)


def exp(q: Ints, unit: float) -> Scaled:
    """Evaluate exp of codes of at most zero."""
    step = math.floor(math.log(2) / unit)
    shift = -q // step
    value = polynomial(q + shift * step, unit, EXP)
    return Scaled(value.codes >> np.minimum(shift, 62), value.unit)


def softmax(q: Ints, unit: float, out_bits: int = 8) -> Ints:
    """Evaluate softmax over the last axis; ``2**-out_bits`` is one unit of the result."""
    powers = exp(q - q.max(axis=-1, keepdims=True), unit).codes
    factor = (1 << 32) // powers.sum(axis=-1, keepdims=True)
    return powers * factor >> (32 - out_bits)


def _rounder(rounding: Round) -> Callable[[float], int]:
    return math.floor if rounding == "down" else round
