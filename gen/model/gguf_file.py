# SPDX-License-Identifier: BSD-2-Clause
"""Read GGUF files: metadata, and tensors one by one. Ternary types need no package: hw.ternary.packing knows them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.model.tensor_file import bfloat16
from gatewright.hw.core.errors import ModelError
from gatewright.hw.ternary.packing import find_packing

MAGIC = b"GGUF"
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
REALS = {0: "F32", 1: "F16", 30: "BF16"}
TERNARY = {34: "tq1_0", 35: "tq2_0", 36: "i2_s"}
I2_S_TAIL = 32  # bytes behind the weights; the first four are the scale
MOST = 1 << 31


@dataclass(frozen=True)
class GgufTensor:
    """Where a tensor lies; ``shape`` has the outputs first."""

    kind: int
    shape: tuple[int, ...]
    offset: int

    @property
    def count(self) -> int:
        """Numbers in it."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes in the file."""
        if self.kind in REALS:
            return self.count * (4 if self.kind == 0 else 2)
        packing = find_packing(TERNARY[self.kind])
        return self.count // packing.block * packing.words + (I2_S_TAIL if self.kind == 36 else 0)


class GgufFile:
    """Metadata and tensors of a file.

    Attributes
    ----------
    values : dict
        Metadata by key.
    tensors : dict
        `GgufTensor` by name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, Any] = {}
        self.tensors: dict[str, GgufTensor] = {}
        try:
            with path.open("rb") as file:
                self._read(file, path.stat().st_size)
        except OSError as error:
            raise ModelError(f"model {path} can't be read: {error.strerror}") from None
        except (struct.error, UnicodeDecodeError, OverflowError, MemoryError):
            raise ModelError(f"{path.name} is no whole GGUF file: its header breaks off") from None

    def _read(self, file: BinaryIO, size: int) -> None:
        if file.read(4) != MAGIC:
            raise ModelError(f"{self.path.name} is no GGUF file: it must begin with {MAGIC.decode()}")
        version, tensors, pairs = struct.unpack("<IQQ", file.read(20))
        if version not in (2, 3):
            raise ModelError(f"{self.path.name}: GGUF version must be 2 or 3, not {version}")
        for _ in range(pairs):
            key = _string(file)
            self.values[key] = self._value(file, _number(file, "<I"))
        for _ in range(tensors):
            name, axes = _string(file), _number(file, "<I")
            shape = tuple(_number(file, "<Q") for _ in range(axes))[::-1]
            self.tensors[name] = GgufTensor(_number(file, "<I"), shape, _number(file, "<Q"))
        unit = self.values.get("general.alignment", 32)
        self.start = -(-file.tell() // unit) * unit
        for name, tensor in self.tensors.items():
            known = tensor.kind in REALS or tensor.kind in TERNARY
            if known and self.start + tensor.offset + tensor.bytes > size:
                raise ModelError(f"{self.path.name}: tensor {name} of shape {tensor.shape} ends behind the file")

    def _value(self, file: BinaryIO, kind: int) -> Any:
        if kind in SCALARS:
            return _number(file, SCALARS[kind])
        if kind == STRING:
            return _string(file)
        if kind != ARRAY:
            raise ModelError(f"{self.path.name}: metadata of type {kind} is unknown")
        inner, count = _number(file, "<I"), _number(file, "<Q")
        if inner in SCALARS:  # vocabularies are long
            kind_of = np.dtype(SCALARS[inner].replace("<?", "?"))
            return np.frombuffer(_exactly(file, count * kind_of.itemsize), kind_of)
        return [self._value(file, inner) for _ in range(count)]

    def raw(self, name: str, first: int = 0, count: int | None = None) -> NDArray[np.uint8]:
        """Give a tensor's bytes, or some of them."""
        tensor = self.tensors[name]
        if tensor.kind not in REALS and tensor.kind not in TERNARY:
            known = ", ".join(f"{kind} ({known})" for kind, known in (REALS | TERNARY).items())
            raise ModelError(f"{self.path.name}: tensor {name} must be of a type in {known}, not {tensor.kind}")
        with self.path.open("rb") as file:
            file.seek(self.start + tensor.offset + first)
            return np.fromfile(file, np.uint8, tensor.bytes - first if count is None else count)

    def reals(self, name: str, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Give a tensor of real numbers, or some of its rows."""
        tensor = self.tensors[name]
        if tensor.kind in TERNARY:
            raise ModelError(f"{self.path.name}: tensor {name} must be of a floating-point type")
        stop = tensor.shape[0] if stop is None else min(stop, tensor.shape[0])
        row = tensor.bytes // tensor.shape[0] if tensor.kind in REALS else 0
        data, shape = self.raw(name, start * row, (stop - start) * row), (stop - start, *tensor.shape[1:])
        if tensor.kind == 30:
            return bfloat16(data.view("<u2")).reshape(shape)
        return data.view("<f4" if tensor.kind == 0 else "<f2").astype(np.float32).reshape(shape)

    def step(self, name: str) -> float:
        """Give the step of a ternary tensor, which all blocks must share."""
        tensor = self.tensors[name]
        if tensor.kind == 36:
            step = float(self.raw(name, tensor.bytes - I2_S_TAIL, 4).view("<f4")[0])
        else:
            blocks = self.raw(name).reshape(-1, find_packing(TERNARY[tensor.kind]).words)
            scales = np.ascontiguousarray(blocks[:, -2:]).view("<f2").ravel().astype(np.float64)
            known = np.unique(scales[scales != 0])  # a block of zeros has the scale 0
            if len(known) > 1:
                raise ModelError(
                    f"{self.path.name}: tensor {name} must have one scale in all blocks, not {len(known)} of them"
                )
            step = float(known[0]) if len(known) else 0.0
        if not 0 < step < np.inf:
            raise ModelError(f"{self.path.name}: tensor {name} must have a positive scale, not {step:g}")
        return step

    def trits(self, name: str) -> NDArray[np.int8]:
        """Give the weights of a ternary tensor."""
        tensor, data = self.tensors[name], self.raw(name)
        packing = find_packing(TERNARY[tensor.kind])
        if (width := tensor.shape[-1]) % packing.block:
            raise ModelError(f"{self.path.name}: tensor {name} must have rows of {packing.block} weights, not {width}")
        if tensor.kind == 36:
            data = data[:-I2_S_TAIL]
        try:
            return packing.decode(data.reshape(*tensor.shape[:-1], -1))
        except ModelError as error:
            raise ModelError(f"{self.path.name}: tensor {name}: {error}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)


def _exactly(file: BinaryIO, count: int) -> bytes:
    if count > MOST:
        raise OverflowError
    data = file.read(count)
    if len(data) < count:
        raise struct.error
    return data


def _number(file: BinaryIO, kind: str) -> Any:
    return struct.unpack(kind, file.read(struct.calcsize(kind)))[0]


def _string(file: BinaryIO) -> str:
    return _exactly(file, _number(file, "<Q")).decode()
