# SPDX-License-Identifier: BSD-2-Clause
"""The integer graph: what a network means, exactly. It is the specification of the hardware.

An activation code ``q`` stands for the real number ``scale * (q - zero_point)``. A dense layer maps
codes ``x (inputs,)`` to codes ``y (outputs,)``::

    acc[o] = bias[o] + sum(weights[o, i] * x[i])                              32 bits, never wraps
    t[o]   = round_half_even(acc[o] * multiplier[o] / 2**shift[o]) + zero_point
    y[o]   = clamp(t[o], zero_point if relu else output.low, output.high)

The product ``acc * multiplier`` is exact (48 bits) and there is one rounding. Zero points of the
*input* do not appear: an importer folds ``-zero_point * sum(weights[o, :])`` into the bias.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ModelError

ACC_BITS = 32
MULTIPLIER_BITS = 16
SHIFT_MAX = 47
WEIGHT_BITS = 8

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Activation:
    """The format of a quantised tensor.

    Attributes
    ----------
    scale : float
        Real value of one step; positive.
    zero_point : int
        Code of the real number 0.
    bits : int
        Width of a code.
    signed : bool
        Two's complement if true.
    """

    scale: float
    zero_point: int = 0
    bits: int = 8
    signed: bool = True

    @property
    def low(self) -> int:
        """Smallest code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        return (1 << (self.bits - self.signed)) - 1


@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer with its rescale; see the module for its arithmetic.

    Attributes
    ----------
    name : str
        Name of the node it comes from.
    weights : (outputs, inputs) int8
    bias : (outputs,) int32
        In units of the accumulator.
    multiplier : (outputs,) int64
        Unsigned, 16 bits, in ``2**15..2**16 - 1``.
    shift : (outputs,) int64
        Right shift in bits, 0..47.
    relu : bool
        Clamp at the zero point of the output instead of its lowest code.
    input, output : Activation
        Formats at both ends.
    """

    name: str
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: Ints
    shift: Ints
    relu: bool
    input: Activation
    output: Activation

    def __post_init__(self) -> None:
        """Check shapes and ranges; copy the arrays, so that nobody changes them afterwards."""
        if np.ndim(self.weights) != 2 or 0 in np.shape(self.weights):
            self._fail(f"weights must have the shape (outputs, inputs), not {np.shape(self.weights)}")
        self._keep("weights", np.int8, -(1 << 7), (1 << 7) - 1, np.shape(self.weights))
        self._keep("bias", np.int32, -(1 << 31), (1 << 31) - 1, (self.outputs,))
        self._keep("multiplier", np.int64, 1 << 15, (1 << 16) - 1, (self.outputs,))
        self._keep("shift", np.int64, 0, SHIFT_MAX, (self.outputs,))
        if not self.output.low <= self.output.zero_point <= self.output.high:
            span = f"{self.output.low}..{self.output.high}"
            self._fail(f"zero_point must lie in {span}, not {self.output.zero_point}")
        if self.acc_bits > ACC_BITS:
            self._fail(
                f"accumulator must fit {ACC_BITS} bits, but these weights and biases can need {self.acc_bits}; "
                f"use fewer inputs or smaller biases"
            )

    def _keep(self, field: str, dtype: Any, low: int, high: int, shape: tuple[int, ...]) -> None:
        array = np.asarray(getattr(self, field))
        if array.shape != shape:
            self._fail(f"{field} must have the shape {shape}, not {array.shape}")
        wrong = (array < low) | (array > high)
        if np.any(wrong):
            self._fail(f"{field} must lie in {low}..{high}, not {array[wrong][0]}")
        array = array.astype(dtype)
        array.setflags(write=False)
        object.__setattr__(self, field, array)

    def _fail(self, rule: str) -> None:
        raise ModelError(f"layer {self.name}: {rule}")

    @property
    def outputs(self) -> int:
        """Output channels."""
        return self.weights.shape[0]

    @property
    def inputs(self) -> int:
        """Input features."""
        return self.weights.shape[1]

    @property
    def macs(self) -> int:
        """Multiplications of one inference."""
        return self.weights.size

    @property
    def clamp_low(self) -> int:
        """Smallest code that leaves the layer."""
        return self.output.zero_point if self.relu else self.output.low

    @cached_property
    def acc_range(self) -> tuple[int, int]:
        """Bounds of every partial sum, whatever the order of the terms and the place of the bias."""
        weights, bias = self.weights.astype(np.int64), self.bias.astype(np.int64)
        ends = weights * self.input.low, weights * self.input.high
        low = np.minimum(np.minimum(*ends), 0).sum(axis=1) + np.minimum(bias, 0)
        high = np.maximum(np.maximum(*ends), 0).sum(axis=1) + np.maximum(bias, 0)
        return int(low.min()), int(high.max())

    @property
    def acc_bits(self) -> int:
        """Width of an accumulator that can't overflow, two's complement."""
        low, high = self.acc_range
        return 1 + max((-low - 1).bit_length() if low < 0 else 0, high.bit_length())


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of layers.

    Attributes
    ----------
    name : str
    input : Activation
        Format of the input codes.
    input_shape : tuple of int
        Shape of one input, batch left out; flattened in C order, last axis fastest.
    layers : tuple of Dense
    classes : tuple of str
        What the outputs mean; one label per output of the last layer.
    """

    name: str
    input: Activation
    input_shape: tuple[int, ...]
    layers: tuple[Dense, ...]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that the ends of neighbouring layers meet."""
        if not self.layers:
            raise ModelError(f"network {self.name}: layers must not be empty")
        width, form = self.features, self.input
        for layer in self.layers:
            if layer.inputs != width:
                raise ModelError(f"layer {layer.name}: weights must have {width} inputs, not {layer.inputs}")
            if layer.input != form:
                raise ModelError(f"layer {layer.name}: input must have the format {form}, not {layer.input}")
            width, form = layer.outputs, layer.output
        if len(self.classes) != width:
            raise ModelError(f"network {self.name}: classes must be {width} labels, not {len(self.classes)}")

    @property
    def features(self) -> int:
        """Codes in one input."""
        return int(np.prod(self.input_shape, dtype=np.int64))

    @property
    def output(self) -> Activation:
        """Format of the logits."""
        return self.layers[-1].output

    @property
    def macs(self) -> int:
        """Multiplications of one inference."""
        return sum(layer.macs for layer in self.layers)
