# SPDX-License-Identifier: BSD-2-Clause
"""The golden network: the integer graph, run in numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.gen.model.graph import Activation, Dense, Ints, Network
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import saturate, shift_right


def dense(layer: Dense, codes: Ints) -> Ints:
    """Run one layer on ``codes (batch, inputs)``; return ``(batch, outputs)``."""
    acc = np.asarray(codes, np.int64) @ layer.weights.T.astype(np.int64) + layer.bias
    scaled = shift_right(acc * layer.multiplier, layer.shift, "half_even") + layer.output.zero_point
    return np.maximum(saturate(scaled, layer.output.bits, layer.output.signed), layer.clamp_low)


def run(network: Network, codes: ArrayLike) -> tuple[Ints, ...]:
    """Run a batch and keep what every layer says.

    Parameters
    ----------
    network : Network
    codes : (batch, *network.input_shape) or (batch, features) array of int
        Input codes.

    Returns
    -------
    tuple of (batch, outputs) int64
        Codes after each layer; the last are the logits.
    """
    current = flatten(network, codes)
    trace = []
    for layer in network.layers:
        current = dense(layer, current)
        trace.append(current)
    return tuple(trace)


def classify(network: Network, codes: ArrayLike) -> Ints:
    """Give the index of the largest logit of each input, ``(batch,)``; ties go to the lowest index."""
    return np.argmax(run(network, codes)[-1], axis=1)


def flatten(network: Network, codes: ArrayLike) -> Ints:
    """Check a batch of input codes and bring it to ``(batch, features) int64``."""
    array = np.asarray(codes)
    if array.dtype.kind not in "iu":
        raise ModelError(f"network {network.name}: input codes must be integers, not {array.dtype}")
    if array.shape[1:] not in (network.input_shape, (network.features,)):
        shape = ("batch", *network.input_shape)
        raise ModelError(f"network {network.name}: input must have the shape {shape}, not {array.shape}")
    flat = array.reshape(len(array), network.features).astype(np.int64)
    wrong = (flat < network.input.low) | (flat > network.input.high)
    if wrong.any():
        span = f"{network.input.low}..{network.input.high}"
        raise ModelError(f"network {network.name}: input codes must lie in {span}, not {flat[wrong][0]}")
    return flat


def quantise(form: Activation, real: ArrayLike) -> Ints:
    """Quantise real numbers as ONNX ``QuantizeLinear`` does: divide in float32, round half to even, saturate."""
    steps = np.rint(np.asarray(real, np.float32) / np.float32(form.scale))
    bounded = np.clip(steps, -(2.0**31), 2.0**31).astype(np.int64)  # infinities saturate too
    return saturate(bounded + form.zero_point, form.bits, form.signed)


def dequantise(form: Activation, codes: ArrayLike) -> NDArray[np.float32]:
    """Give the real numbers that codes stand for, as ONNX ``DequantizeLinear`` does."""
    return (np.asarray(codes, np.int64) - form.zero_point).astype(np.float32) * np.float32(form.scale)


@dataclass(frozen=True)
class Difference:
    """The first place where two traces differ."""

    layer: str
    item: int
    channel: int
    expected: int
    got: int

    def __str__(self) -> str:
        return (
            f"layer {self.layer}, item {self.item}, channel {self.channel}: "
            f"expected {self.expected}, got {self.got}"
        )


def first_difference(network: Network, expected: Sequence[Ints], got: Sequence[Ints]) -> Difference | None:
    """Find the earliest layer, then item, then channel, where two traces differ.

    Parameters
    ----------
    network : Network
    expected, got : sequence of (batch, outputs) arrays
        Traces as `run` returns them, one array per layer.

    Returns
    -------
    Difference or None
        None when the traces are equal.
    """
    for layer, want, have in zip(network.layers, expected, got, strict=True):
        if np.shape(want) != np.shape(have):
            raise ModelError(f"layer {layer.name}: trace must have the shape {np.shape(want)}, not {np.shape(have)}")
        places = np.argwhere(np.asarray(want) != np.asarray(have))
        if len(places):
            item, channel = (int(index) for index in places[0])
            return Difference(layer.name, item, channel, int(want[item, channel]), int(have[item, channel]))
    return None
