# SPDX-License-Identifier: BSD-2-Clause
"""An ONNX file opened for import: checked, with its constants and links at hand."""

from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ModelError

Array = NDArray[Any]
READ = "QuantizeLinear, DequantizeLinear, Gemm, MatMul, Add, Relu, Flatten, Reshape, Constant"


class OnnxFile:
    """A checked ONNX model.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ModelError
        The file is missing, damaged, or holds an operator outside the supported set.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = self._parse()
        self.graph = self.model.graph
        self._check()
        self.constants: dict[str, Array] = {}
        self.consumers: dict[str, list[Any]] = {}
        self.producer: dict[str, Any] = {}
        self._link()

    def fail(self, rule: str, node: Any = None) -> NoReturn:
        """Raise a `ModelError`: file, node, rule."""
        where = f"node {node.name or ', '.join(node.output)!r} ({node.op_type}): " if node is not None else ""
        line = "".join(mark if mark.isprintable() else "?" for mark in where + rule)  # names may hold anything
        raise ModelError(f"{self.path}: {line}")

    def constant(self, name: str, what: str, node: Any) -> Array:
        """Read a constant input; refuse a computed one."""
        if name not in self.constants:
            self.fail(f"{what} must be a constant, not the computed tensor {name!r}", node)
        return self.constants[name]

    def scales(self, name: str, what: str, node: Any) -> list[Fraction]:
        """Read a constant scale, exactly: one number, or one per channel."""
        array = self.constant(name, what, node)
        if array.dtype != np.float32:
            self.fail(f"{what} must be float32, not {array.dtype}", node)
        if array.ndim > 1:
            self.fail(f"{what} must be one number or one per channel, not of shape {array.shape}", node)
        for value in array.ravel():
            if not (np.isfinite(value) and value > 0):
                self.fail(f"{what} must be positive and finite, not {value}", node)
        return [Fraction(float(value)) for value in array.ravel()]

    def only_consumer(self, name: str) -> Any:
        """Give the one node that reads a tensor; None at the end of the graph."""
        nodes = self.consumers.get(name, [])
        if len(nodes) > 1:
            readers = ", ".join(node.name or node.op_type for node in nodes)
            self.fail(f"tensor {name!r} feeds {len(nodes)} nodes ({readers}), but only plain chains are supported")
        return nodes[0] if nodes else None

    def _parse(self) -> Any:
        import onnx
        from google.protobuf.message import DecodeError

        try:
            data = self.path.read_bytes()
        except OSError as error:
            self.fail(f"can't be read: {error.strerror}; give the path of an ONNX file")
        try:
            model = onnx.load_model_from_string(data)
        except DecodeError:
            self.fail("is no ONNX file, or is cut short")
        if not model.ir_version or not model.graph.node:
            self.fail("is no ONNX file: it holds no graph")
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
            self.fail("keeps its weights in another file; save it with the weights inside")
        return model

    def _check(self) -> None:
        import onnx

        for node in self.graph.node:
            if node.domain not in ("", "ai.onnx") or node.op_type not in READ.split(", "):
                domain = f" of domain {node.domain}" if node.domain not in ("", "ai.onnx") else ""
                self.fail(f"operator{domain} is not supported; supported are {READ}", node)
        try:
            onnx.checker.check_model(self.model, full_check=True)
        except UnicodeDecodeError:  # the checker's complaint quotes a damaged name
            self.fail("breaks the ONNX rules: a name in it is damaged")
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
            self.fail(f"breaks the ONNX rules: {str(error).strip().splitlines()[0]}")

    def _link(self) -> None:
        from onnx import numpy_helper

        for tensor in self.graph.initializer:
            try:
                self.constants[tensor.name] = numpy_helper.to_array(tensor)
            except (ValueError, TypeError):
                self.fail(f"tensor {tensor.name!r} is damaged: its data does not fill its shape")
        for node in self.graph.node:
            if node.op_type == "Constant":
                values = attributes(node)
                if "value" not in values:
                    self.fail("must carry a tensor in the attribute value", node)
                self.constants[node.output[0]] = numpy_helper.to_array(values["value"])
                continue
            self.producer[node.output[0]] = node
            for name in node.input:
                self.consumers.setdefault(name, []).append(node)


def attributes(node: Any) -> dict[str, Any]:
    """Give a node's attributes by name."""
    from onnx import helper

    return {item.name: helper.get_attribute_value(item) for item in node.attribute}
