# SPDX-License-Identifier: BSD-2-Clause
"""Import ONNX QDQ models: a chain of quantised dense layers becomes the integer graph.

What is read, in order: ``QuantizeLinear`` at the input (or an int8 or uint8 input); then for each layer
``DequantizeLinear``; ``Gemm``, or ``MatMul`` with an optional ``Add``; an optional ``Relu``;
``QuantizeLinear``; at the end an optional ``DequantizeLinear``. A ``Flatten`` or a plain ``Reshape`` may stand
before the first layer. Activations are int8 or uint8 with one scale and any zero point. Weights are int8
constants with zero point 0 and one scale, or one per output channel. Biases are quantised, or float constants.

Three real numbers are rounded, each once and from the exact value of the float32 scales: the rescale ratio
``input scale * weight scale / output scale`` to 16 bits; a bias whose scale is not already the accumulator's
to one accumulator step; and nothing else.
"""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.gen.model.graph import Activation, Dense, Network
from gatewright.gen.model.onnx_file import Array, OnnxFile, attributes
from gatewright.gen.model.rescale import fixed_points
from gatewright.hw.core.errors import ModelError

SAME_SCALE = Fraction(1, 1 << 22)  # two float32 products of the same factors differ by less, relatively


def load_model(path: Path | str) -> Network:
    """Read a quantised dense network.

    Parameters
    ----------
    path : path of an ONNX file
        Labels of the outputs are taken from the metadata entry ``classes``, a JSON list; without it
        they are 0, 1, 2 and so on.

    Returns
    -------
    Network

    Raises
    ------
    ModelError
        One line that names the file, the node, what is wrong and what is supported.
    """
    return _Walk(OnnxFile(Path(path))).network()


@dataclass(frozen=True)
class _Product:
    """A matrix product found in the graph, before its output's format is known."""

    node: Any
    weights: Array  # (outputs, inputs) int8
    weight_scales: list[Fraction]  # one per output
    alpha: Fraction
    beta: Fraction
    bias: str  # tensor name, empty for none
    bias_node: Any


class _Walk:
    """One walk along the chain, from the graph's input to its output."""

    def __init__(self, file: OnnxFile) -> None:
        self.file = file
        self.fail = file.fail
        self.seen: set[str] = set()  # outputs of nodes used up, to notice what lies off the chain
        inputs = [item for item in file.graph.input if item.name not in file.constants]
        if len(inputs) != 1 or len(file.graph.output) != 1:
            self.fail(
                f"must have one input and one output, not {len(inputs)} and {len(file.graph.output)}"
            )
        self.input = inputs[0]
        self.tensor = self.input.name
        self.shape = self._input_shape()
        self.flat = len(self.shape) == 1

    def network(self) -> Network:
        """Walk the chain and build the graph."""
        form = first = self._input_form()
        layers: list[Dense] = []
        while True:
            self._skip_flatten()
            node = self._next("DequantizeLinear")
            if node is None:
                break
            self._same_form(node, form)
            self._skip_flatten()
            if self._peek() is None:
                break
            layers.append(self._layer(form))
            form = layers[-1].output
        if not layers:
            self.fail("holds no dense layer: give a Gemm or MatMul between DequantizeLinear and QuantizeLinear")
        self._finish()
        return Network(self.file.graph.name, first, self.shape, tuple(layers), self._classes(layers[-1].outputs))

    # The chain.

    def _peek(self) -> Any:
        return self.file.only_consumer(self.tensor)

    def _take(self, node: Any) -> Any:
        self.seen.add(node.output[0])
        self.tensor = node.output[0]
        return node

    def _next(self, *ops: str) -> Any:
        """Step over the next node if it is one of ``ops``; give None at the end, refuse anything else."""
        node = self._peek()
        if node is None:
            return None
        if node.op_type not in ops:
            self.fail(f"stands where {' or '.join(ops)} must stand in a quantised dense network", node)
        return self._take(node)

    def _finish(self) -> None:
        if self.tensor != self.file.graph.output[0].name:
            self.fail(f"output {self.file.graph.output[0].name!r} is not the end of the chain from the input")
        for name, node in self.file.producer.items():
            if name not in self.seen:
                self.fail("lies off the chain from input to output; remove it", node)

    # Formats of activations.

    def _input_shape(self) -> tuple[int, ...]:
        dims = self.input.type.tensor_type.shape.dim
        sizes = tuple(dim.dim_value for dim in dims[1:])
        if not sizes or min(sizes) <= 0:
            self.fail(f"input {self.input.name!r} must have a batch axis and then fixed sizes")
        return sizes

    def _input_form(self) -> Activation:
        node = self._skip_flatten()
        if node is not None and node.op_type == "DequantizeLinear":
            return self._form(node)
        node = self._next("QuantizeLinear")
        if node is None:
            self.fail("holds no quantised layer")
        return self._form(node)

    def _form(self, node: Any) -> Activation:
        scales = self.file.scales(node.input[1], "scale", node)
        if len(scales) != 1:
            self.fail(f"activations must have one scale, not {len(scales)}", node)
        kind, zero = np.dtype(np.uint8), 0
        if len(node.input) > 2 and node.input[2]:
            point = self.file.constant(node.input[2], "zero point", node)
            if point.size != 1:
                self.fail(f"activations must have one zero point, not {point.size}", node)
            kind, zero = point.dtype, int(point.ravel()[0])
        elif node.op_type == "DequantizeLinear" or "output_dtype" in attributes(node):
            self.fail("zero point must be given: its type is the type of the codes", node)
        if kind not in (np.int8, np.uint8):
            self.fail(f"activations must be int8 or uint8, not {kind}", node)
        return Activation(float(scales[0]), zero, 8, kind == np.int8)

    def _same_form(self, node: Any, form: Activation) -> None:
        if self._form(node) != form:
            self.fail("must have the scale and zero point of the QuantizeLinear or layer before it", node)

    def _skip_flatten(self) -> Any:
        """Step over plain flattens; give the node that follows."""
        while (node := self._peek()) is not None and node.op_type in ("Flatten", "Reshape"):
            if node.op_type == "Flatten":
                plain = attributes(node).get("axis", 1) == 1
            else:
                shape = self.file.constant(node.input[1], "shape", node).tolist()
                plain = len(shape) == 2 and shape[0] in (-1, 0) and shape[1] in (-1, int(np.prod(self.shape)))
                plain = plain and shape != [-1, -1]
            if not plain:
                self.fail("must flatten everything but the batch axis", node)
            self.flat = True
            self._take(node)
        return node

    # Layers.

    def _layer(self, form: Activation) -> Dense:
        product = self._gemm() if self._peek().op_type == "Gemm" else self._matmul()
        if not self.flat:
            self.fail(f"needs a Flatten before it: the input has the shape {self.shape}", product.node)
        relu = self._peek() is not None and self._peek().op_type == "Relu"
        if relu:
            self._next("Relu")
        end = self._next("QuantizeLinear")
        if end is None:
            self.fail("needs a QuantizeLinear after it: its output is not quantised", product.node)
        output = self._form(end)
        steps = [product.alpha * Fraction(form.scale) * scale for scale in product.weight_scales]
        weights = product.weights.astype(np.int64)
        bias = np.array(self._bias(product, steps), object) - form.zero_point * weights.sum(axis=1)
        try:
            multiplier, shift = fixed_points([step / Fraction(output.scale) for step in steps])
        except ValueError as error:
            self.fail(f"rescale {error}; check the scales around it", product.node)
        name = product.node.name or product.node.output[0]
        try:
            return Dense(name, product.weights, bias, multiplier, shift, relu, form, output)
        except ModelError as error:
            self.fail(str(error))

    def _product_node(self) -> Any:
        activations, node = self.tensor, self._next("Gemm", "MatMul")
        if node.input[0] != activations:
            self.fail("must take the activations as its first input and constant weights as its second", node)
        return node

    def _gemm(self) -> _Product:
        node = self._product_node()
        values = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0} | attributes(node)
        if values["transA"]:
            self.fail("transA must be 0: the batch is the first axis", node)
        alpha, beta = Fraction(float(np.float32(values["alpha"]))), Fraction(float(np.float32(values["beta"])))
        if alpha <= 0:
            self.fail(f"alpha must be positive, not {float(alpha):g}", node)
        weights, scales = self._weights(node, bool(values["transB"]))
        bias = node.input[2] if len(node.input) > 2 and beta else ""
        if not bias and len(node.input) > 2 and node.input[2] in self.file.producer:
            self.seen.add(node.input[2])  # a dequantised bias that beta = 0 silences
        return _Product(node, weights, scales, alpha, beta, bias, node)

    def _matmul(self) -> _Product:
        node = self._product_node()
        weights, scales = self._weights(node, False)
        bias, add = "", self._peek()
        if add is not None and add.op_type == "Add":
            bias = next((name for name in add.input if name != self.tensor), "")
            self._take(add)
        return _Product(node, weights, scales, Fraction(1), Fraction(1), bias, add)

    def _weights(self, node: Any, transposed: bool) -> tuple[Array, list[Fraction]]:
        """Read constant weights as ``(outputs, inputs)``, with a scale for each output."""
        source = self.file.producer.get(node.input[1])
        if node.input[1] in self.file.constants:
            self.fail("weights are not quantised: they must be int8 constants through DequantizeLinear", node)
        if source is None or source.op_type != "DequantizeLinear":
            self.fail("weights must be constants through DequantizeLinear, not computed", node)
        self.seen.add(source.output[0])
        codes = self.file.constant(source.input[0], "weights", source)
        if codes.dtype != np.int8 or codes.ndim != 2:
            self.fail(f"weights must be an int8 matrix, not {codes.dtype} of shape {codes.shape}", source)
        self._no_zero_point(source)
        scales = self.file.scales(source.input[1], "scale", source)
        axis, outputs = 0 if transposed else 1, codes.shape[0 if transposed else 1]
        if self.file.constants[source.input[1]].ndim == 0 or len(scales) == 1:
            scales = scales[:1] * outputs
        elif attributes(source).get("axis", 1) % 2 != axis:
            self.fail(f"weights must have one scale per output channel: axis must be {axis}", source)
        if len(scales) != outputs:
            self.fail(f"scale must hold 1 or {outputs} numbers, not {len(scales)}", source)
        return (codes if transposed else codes.T), scales

    def _no_zero_point(self, node: Any) -> None:
        if len(node.input) > 2 and node.input[2]:
            point = self.file.constant(node.input[2], "zero point", node)
            if point.any():
                self.fail(f"zero point of weights and biases must be 0, not {point[point != 0].ravel()[0]}", node)

    def _bias(self, product: _Product, steps: list[Fraction]) -> list[int]:
        """Read the bias in accumulator steps; ``steps`` are their real values."""
        if not product.bias:
            return [0] * len(steps)
        source = self.file.producer.get(product.bias)
        if source is not None and source.op_type == "DequantizeLinear":
            self.seen.add(source.output[0])
            codes = self.file.constant(source.input[0], "bias", source)
            if codes.dtype not in (np.int32, np.int8):
                self.fail(f"bias must be int32, int8 or float32, not {codes.dtype}", source)
            self._no_zero_point(source)
            scales = self.file.scales(source.input[1], "scale", source)
        else:
            codes = self.file.constant(product.bias, "bias", product.bias_node)
            if codes.dtype != np.float32 or not np.isfinite(codes).all():
                self.fail(f"bias must be finite float32 or quantised, not {codes.dtype}", product.bias_node)
            scales = [Fraction(1)]
        count = len(steps)
        # (count, 1) would run along the batch axis.
        if codes.size not in (1, count) or codes.shape[-1:] not in ((), (1,), (count,)):
            self.fail(f"bias must hold 1 or {count} numbers, not the shape {codes.shape}", product.bias_node)
        if len(scales) not in (1, count):
            self.fail(f"bias must have 1 or {count} scales, not {len(scales)}", product.bias_node)
        values = [Fraction(value) for value in np.broadcast_to(codes.ravel(), count).tolist()]
        scales = scales * count if len(scales) == 1 else scales
        return [_in_steps(v, product.beta * s, step) for v, s, step in zip(values, scales, steps, strict=True)]

    def _classes(self, outputs: int) -> tuple[str, ...]:
        entries = {item.key: item.value for item in self.file.model.metadata_props}
        if "classes" not in entries:
            return tuple(str(index) for index in range(outputs))
        try:
            labels = json.loads(entries["classes"])
        except ValueError:
            labels = None
        if not isinstance(labels, list) or len(labels) != outputs:
            self.fail(f"metadata entry classes must be a JSON list of {outputs} labels")
        return tuple(str(label) for label in labels)


def _in_steps(value: Fraction, scale: Fraction, step: Fraction) -> int:
    """Express ``value * scale`` in accumulator steps.

    A quantised bias carries the accumulator's scale by convention, rounded to float32: then the code is
    the answer. Any other is rounded to the nearest step, half to even.
    """
    if abs(scale / step - 1) < SAME_SCALE and value.denominator == 1:
        return int(value)
    return round(value * scale / step)
