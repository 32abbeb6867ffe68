# SPDX-License-Identifier: BSD-2-Clause
"""Tensors of a safetensors file, read one by one when they are asked for: no more of the file is held in memory.

The package safetensors gives numpy no bfloat16, of which published checkpoints are made: hence this reader.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ModelError

KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "u1", "I8": "i1", "I32": "<i4", "I64": "<i8"}
HEADER_MOST = 1 << 27


@dataclass(frozen=True)
class Entry:
    """Where a tensor lies."""

    path: Path
    kind: str
    shape: tuple[int, ...]
    offset: int


class TensorFile(Mapping[str, NDArray[Any]]):
    """The tensors of one file, or of several that together are one model; bfloat16 becomes float32.

    Parameters
    ----------
    paths : Path
        Files in the format of safetensors.

    Raises
    ------
    ModelError
        One line that names the file and what is wrong.
    """

    def __init__(self, *paths: Path) -> None:
        self.entries: dict[str, Entry] = {}
        for path in paths:
            for name, entry in _entries(path).items():
                if name in self.entries:
                    raise ModelError(f"{path.name}: tensor {name} is in {self.entries[name].path.name} already")
                self.entries[name] = entry

    def __getitem__(self, name: str) -> NDArray[Any]:
        entry = self.entries[name]
        kind = np.dtype(KINDS[entry.kind])
        count = prod(entry.shape)
        with entry.path.open("rb") as file:
            file.seek(entry.offset)
            array = np.fromfile(file, kind, count).reshape(entry.shape)
        return bfloat16(array) if entry.kind == "BF16" else array

    def rows(self, name: str, start: int, stop: int) -> NDArray[Any]:
        """Read some rows of a tensor only."""
        entry = self.entries[name]
        kind, width = np.dtype(KINDS[entry.kind]), prod(entry.shape[1:])
        stop = min(stop, entry.shape[0])
        with entry.path.open("rb") as file:
            file.seek(entry.offset + start * width * kind.itemsize)
            array = np.fromfile(file, kind, (stop - start) * width).reshape(stop - start, *entry.shape[1:])
        return bfloat16(array) if entry.kind == "BF16" else array

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def bfloat16(words: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Give the numbers that the upper halves of float32 stand for."""
    return (words.astype(np.uint32) << 16).view(np.float32)


def _entries(path: Path) -> dict[str, Entry]:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, HEADER_MOST):
                raise ModelError(f"{path} is no safetensors file: its header does not fit")
            content = json.loads(file.read(length))
    except OSError as error:
        raise ModelError(f"tensors {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} is no safetensors file: its header is no JSON") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path} is no safetensors file: its header is no object")
    content.pop("__metadata__", None)
    return {name: _entry(path, name, item, 8 + length, size) for name, item in content.items()}


def _entry(path: Path, name: str, item: Any, start: int, size: int) -> Entry:
    try:
        kind, shape, (first, last) = item["dtype"], tuple(item["shape"]), item["data_offsets"]
        if kind not in KINDS:
            raise ModelError(f"{path.name}: tensor {name} must be of type {', '.join(KINDS)}, not {kind}")
        fits = last - first == prod(shape) * np.dtype(KINDS[kind]).itemsize and first >= 0 and start + last <= size
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path.name}: tensor {name} is described wrongly: {error!r}") from None
    if not fits:
        raise ModelError(f"{path.name}: tensor {name} of shape {shape} does not fit its place in the file")
    return Entry(path, kind, shape, start + first)
