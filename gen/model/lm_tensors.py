# SPDX-License-Identifier: BSD-2-Clause
"""Tensors of language models, as numbers or as trits with a step, and a reader that says what they stand for."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.model.import_vit import ternary_matrix
from gatewright.gen.model.lm_config import LmConfig
from gatewright.gen.model.lm_graph import Octets
from gatewright.gen.model.tensor_file import TensorFile
from gatewright.hw.core.errors import ModelError
from gatewright.hw.ternary.packing import decode

Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trits:
    """A matrix that is ternary already: weights of -1, 0 and 1, and the step."""

    codes: Octets
    step: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Outputs and inputs."""
        return self.codes.shape


Tensor = NDArray[Any] | Trits
Tensors = Mapping[str, Tensor]


@runtime_checkable
class Stepped(Protocol):
    """Tensors that can give parts of themselves without the rest."""

    def rows(self, name: str, start: int, stop: int) -> Tensor:
        """Read some rows of a tensor of real numbers."""
        ...

    def step(self, name: str) -> float | None:
        """Give the step of a matrix that is ternary already, without its weights; None for another."""
        ...


class Named(Mapping[str, Tensor]):
    """Tensors under names of ours: ``names`` gives what their file calls them."""

    names: Mapping[str, str]

    def __contains__(self, name: object) -> bool:
        return name in self.names  # a mapping's own way would read the tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class PackedTensors(Named):
    """Tensors of files in which matrices may be packed.

    Parameters
    ----------
    file : TensorFile
        The tensors as they lie there.
    divides : bool
        Whether ``NAME_scale`` is the inverse of a matrix's step.
    rename : callable
        Gives our name for a file's; None passes the tensor over.
    """

    def __init__(
        self, file: TensorFile, divides: bool = False, rename: Callable[[str], str | None] = lambda name: name
    ) -> None:
        self.file, self.divides = file, divides
        known = ((rename(name), name) for name in file if not name.endswith("_scale"))
        self.names = {ours: name for ours, name in known if ours is not None}

    def __getitem__(self, name: str) -> Tensor:
        value = self.file[self.names[name]]
        if value.dtype != np.uint8:
            return value
        step = self._step(self.names[name])
        try:
            return Trits(decode("hf_bitnet", value), step)
        except ModelError as error:
            raise ModelError(f"tensor {name}: {error}") from None

    def _step(self, name: str) -> float:
        scale = self.file.get(f"{name}_scale")
        if scale is None or scale.size != 1 or not 0 < float(scale.ravel()[0]) < np.inf:
            raise ModelError(f"tensor {name} is packed and must have a positive number {name}_scale beside it")
        return 1 / float(scale.ravel()[0]) if self.divides else float(scale.ravel()[0])

    def rows(self, name: str, start: int, stop: int) -> Tensor:
        """Read some rows of a tensor that is not packed."""
        return self.file.rows(self.names[name], start, stop)

    def step(self, name: str) -> float | None:
        """Give the step of a packed matrix without its weights; None if it is not packed."""
        own = self.names[name]
        return self._step(own) if self.file.entries[own].kind == "U8" else None


class Reader:
    """Reads a model's tensors as what they stand for, and checks them."""

    def __init__(self, config: LmConfig, tensors: Tensors) -> None:
        self.config, self.tensors = config, tensors

    def step(self, name: str) -> float:
        """Give a matrix's step."""
        if isinstance(self.tensors, Stepped) and (step := self.tensors.step(name)) is not None:
            return step
        value = self.tensors[name]
        return value.step if isinstance(value, Trits) else ternary_matrix(np.asarray(value, np.float64))[1]

    def matrix(self, name: str, shape: tuple[int, int]) -> Trits:
        """Give a matrix in trits."""
        value = self.tensors[name]
        if not isinstance(value, Trits):
            value = Trits(*ternary_matrix(self.reals(name, shape)))
        fits(name, value.shape, shape)
        return value

    def rows(self, name: str, start: int, stop: int) -> Reals:
        """Give some rows of a tensor of real numbers."""
        if isinstance(self.tensors, Stepped):
            return checked(name, self.tensors.rows(name, start, stop), None)
        return self.reals(name)[start:stop]

    def reals(self, name: str, shape: tuple[int, ...] | None = None) -> Reals:
        """Give a tensor of real numbers."""
        return checked(name, self.tensors[name], shape)


def checked(name: str, value: Tensor, shape: tuple[int, ...] | None) -> Reals:
    """Give a tensor of real numbers as such, or refuse it."""
    if isinstance(value, Trits) or value.dtype.kind != "f":
        raise ModelError(f"tensor {name} must be of a floating-point type")
    if shape is not None:
        fits(name, value.shape, shape)
    if not np.isfinite(value).all():
        raise ModelError(f"tensor {name} must be finite")
    return value.astype(np.float64)


def fits(name: str, found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Refuse a tensor of another shape."""
    if found != shape:
        raise ModelError(f"tensor {name} must have the shape {shape}, not {found}")
