# SPDX-License-Identifier: BSD-2-Clause
"""What integers cost: the same model file in floating point and as the integer graph, side by side."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.gen.model.golden_network import dequantise, flatten, run
from gatewright.gen.model.graph import Ints, Network


@dataclass(frozen=True)
class Accuracy:
    """Counts over one labelled set.

    Attributes
    ----------
    items : int
    float_correct, integer_correct : int
        Items whose largest logit is the label, by the ONNX reference evaluator and by the golden network.
    agree : int
        Items where both name the same class.
    largest_difference : int
        Largest distance between their logits, in steps of the output.
    reference : str
        What the float results come from.
    """

    items: int
    float_correct: int
    integer_correct: int
    agree: int
    largest_difference: int
    reference: str = "ONNX in float"

    @property
    def float_accuracy(self) -> float:
        """Share of items that the reference evaluator gets right."""
        return self.float_correct / self.items

    @property
    def integer_accuracy(self) -> float:
        """Share of items that the golden network gets right."""
        return self.integer_correct / self.items

    @property
    def agreement(self) -> float:
        """Share of items where both name the same class."""
        return self.agree / self.items

    def __str__(self) -> str:
        return (
            f"of {self.items} held-out items, {self.reference} gets {self.float_accuracy:.2%} right, the integer "
            f"network {self.integer_accuracy:.2%}; they agree on {self.agreement:.2%}, logits differ by at most "
            f"{self.largest_difference} LSB"
        )


def float_logits(path: Path, network: Network, codes: ArrayLike) -> NDArray[np.float32]:
    """Run the model file itself through ``onnx.reference``.

    Parameters
    ----------
    path : Path
        The ONNX file.
    network : Network
        Its import; gives the input's format.
    codes : (batch, *input_shape) array of int
        Input codes; the model sees the real numbers that they stand for.

    Returns
    -------
    (batch, outputs) float32
    """
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(str(path))
    flat = flatten(network, codes)
    form = evaluator.input_types[0].tensor_type.elem_type
    real = dequantise(network.input, flat).reshape(len(flat), *network.input_shape)
    feed = real if form == 1 else flat.reshape(real.shape).astype(np.int8 if network.input.signed else np.uint8)
    outputs: Any = evaluator.run(None, {evaluator.input_names[0]: feed})
    logits: NDArray[Any] = outputs[0]
    if logits.dtype == np.float32:
        return logits
    return dequantise(network.output, logits)


def measure(path: Path, network: Network, codes: ArrayLike, labels: ArrayLike) -> Accuracy:
    """Compare float and integer results on labelled inputs."""
    real = float_logits(path, network, codes)
    steps: Ints = np.rint(real / np.float32(network.output.scale)).astype(np.int64) + network.output.zero_point
    logits = run(network, codes)[-1]
    by_float, by_integer, truth = steps.argmax(axis=1), logits.argmax(axis=1), np.asarray(labels)
    return Accuracy(
        items=len(truth),
        float_correct=int(np.count_nonzero(by_float == truth)),
        integer_correct=int(np.count_nonzero(by_integer == truth)),
        agree=int(np.count_nonzero(by_float == by_integer)),
        largest_difference=int(np.abs(steps - logits).max(initial=0)),
    )
