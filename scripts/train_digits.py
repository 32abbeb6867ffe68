#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Train the int8 digits network; write the model and its held-out images to gen/presets.

The width is chosen by cross-validation inside the training images, as epochs, weight decay and the share
of shifted images were before; the held-out images are only measured, at the end. Float training is plain
numpy (Adam, cosine decay, some images shifted by a pixel); then weights get a scale per output channel, and
activations one scale from the training images. About a minute on one core; equal machines give equal bytes.
"""

import io
import os
from itertools import pairwise

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: sums in one order

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.files import write_file
from gatewright.gen.model.accuracy import measure
from gatewright.gen.model.digits import PIXEL_MAX, Digits, bundled_file, split
from gatewright.gen.model.export_onnx import QuantisedDense, qdq_model, to_bytes
from gatewright.gen.model.import_onnx import load_model

Floats = NDArray[np.float32]
Layers = list[tuple[Floats, Floats]]  # weights (outputs, inputs), bias (outputs,)

HIDDEN = ((32,), (48,), (32, 16))
EPOCHS, BATCH, RATE, DECAY, SHIFTS = 1000, 64, 3e-3, 0.1, 0.08
FOLDS = 4
SEED = 0


def main() -> None:
    """Choose, train, quantise, write, measure."""
    train, test = split()
    scores = {hidden: validate(train, hidden) for hidden in HIDDEN}
    for hidden, right in scores.items():
        print(f"hidden {hidden}: {right} of {len(train.labels)} training images right when left out")
    hidden = max(scores, key=lambda key: scores[key])

    layers = fit(train, hidden)
    classes = [str(digit) for digit in range(10)]
    model = qdq_model("mlp_digits", (8, 8), 1 / PIXEL_MAX, quantised(layers, flat(train.images)), classes)
    path = bundled_file().parent / "mlp_digits.onnx"
    write_file(path, to_bytes(model))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, images=test.images, labels=test.labels)
    write_file(bundled_file(), buffer.getvalue())

    unquantised = float(np.mean(forward(layers, flat(test.images))[-1].argmax(axis=1) == test.labels))
    print(f"hidden {hidden}, before quantisation: {unquantised:.2%} of {len(test.labels)} held-out images")
    print(measure(path, load_model(path), test.images, test.labels))


def validate(train: Digits, hidden: tuple[int, ...]) -> int:
    """Count the training images that networks trained without them get right."""
    order = np.random.default_rng(SEED).permutation(len(train.labels))
    right = 0
    for fold in np.array_split(order, FOLDS):
        rest = np.setdiff1d(order, fold)
        layers = fit(Digits(train.images[rest], train.labels[rest]), hidden)
        found = forward(layers, flat(train.images[fold]))[-1].argmax(axis=1)
        right += int(np.count_nonzero(found == train.labels[fold]))
    return right


def flat(images: NDArray[np.uint8]) -> Floats:
    """Bring images to ``(n, 64)`` with pixels 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / PIXEL_MAX


def shifted(images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Move each image by up to a pixel both ways; what leaves is lost, zeros come in."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (8, 8), axis=(1, 2))
    # Seldom: a digit here fills its frame, and a shift cuts it.
    moves = rng.choice([0, 1, 2], size=(2, len(images)), p=[SHIFTS, 1 - 2 * SHIFTS, SHIFTS])
    return windows[np.arange(len(images)), moves[0], moves[1]]


def forward(layers: Layers, x: Floats) -> list[Floats]:
    """Give the activations after every layer; all but the last rectified."""
    outputs = []
    for index, (weights, bias) in enumerate(layers):
        x = x @ weights.T + bias
        if index < len(layers) - 1:
            x = np.maximum(x, 0)
        outputs.append(x)
    return outputs


def fit(data: Digits, hidden: tuple[int, ...]) -> Layers:
    """Train in float32 on all of ``data``."""
    rng = np.random.default_rng(SEED)
    widths = (64, *hidden, 10)
    layers: Layers = []
    for inputs, outputs in pairwise(widths):
        weights = rng.normal(0, (2 / inputs) ** 0.5, (outputs, inputs)).astype(np.float32)
        layers.append((weights, np.zeros(outputs, np.float32)))
    moments = [[np.zeros_like(p) for p in pair] for pair in layers for _ in range(2)]
    steps = -(-len(data.labels) // BATCH)
    target = np.eye(10, dtype=np.float32)[data.labels]
    for epoch in range(EPOCHS):
        images = flat(shifted(data.images, rng))
        for number, rows in enumerate(np.array_split(rng.permutation(len(images)), steps)):
            step = epoch * steps + number
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / (EPOCHS * steps)))
            adam(layers, moments, gradients(layers, images[rows], target[rows]), rate, step + 1)
    return layers


def gradients(layers: Layers, x: Floats, target: Floats) -> Layers:
    """Backpropagate the mean cross-entropy."""
    outputs = forward(layers, x)
    power = np.exp(outputs[-1] - outputs[-1].max(axis=1, keepdims=True))
    delta = (power / power.sum(axis=1, keepdims=True) - target) / np.float32(len(x))
    found: Layers = []
    for index in reversed(range(len(layers))):
        before = outputs[index - 1] if index else x
        found.append((delta.T @ before, delta.sum(axis=0)))
        if index:
            delta = (delta @ layers[index][0]) * (before > 0)
    return found[::-1]


def adam(layers: Layers, moments: list[list[Floats]], slopes: Layers, rate: float, step: int) -> None:
    """Take one step of Adam with decoupled weight decay, in place."""
    for index, (pair, slope) in enumerate(zip(layers, slopes, strict=True)):
        for part, gradient in enumerate(slope):
            mean, square = moments[2 * index][part], moments[2 * index + 1][part]
            mean += 0.1 * (gradient - mean)
            square += 0.01 * (gradient * gradient - square)
            update = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
            pair[part][...] -= rate * (update + DECAY * pair[part])


def quantised(layers: Layers, x: Floats) -> list[QuantisedDense]:
    """Round to int8: weights by the largest of each row, activations by the largest over ``x``."""
    scale = np.float32(1 / PIXEL_MAX)
    result = []
    for index, ((weights, bias), seen) in enumerate(zip(layers, forward(layers, x), strict=True)):
        rows = (np.abs(weights).max(axis=1) / 127).astype(np.float32)
        codes = np.rint(weights / rows[:, np.newaxis]).astype(np.int8)
        offsets = np.rint(bias / (scale * rows)).astype(np.int32)
        scale = np.float32(np.abs(seen).max() / 127)
        result.append(QuantisedDense(codes, rows, offsets, float(scale), index < len(layers) - 1))
    return result


if __name__ == "__main__":
    main()
