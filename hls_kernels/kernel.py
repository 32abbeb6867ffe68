# SPDX-License-Identifier: BSD-2-Clause
"""A kernel: one integer function of whole frames, from which C++ and DSLX are written.

A *frame* is one call: a beat of an elementwise unit, a row of a norm, a matrix and a vector. Frames are
held as ``{field: array}`` with arrays of shape ``(frames, *field.shape)``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gatewright.hls_kernels.block import Block, Builder
from gatewright.hls_kernels.expr import Expr, Int, Name, Vector
from gatewright.hw.core.ports import Beats, PayloadField


@dataclass(frozen=True)
class Kernel:
    """A typed integer function.

    Attributes
    ----------
    name : str
        Name of the function in all languages.
    room : str
        The room that it does the work of.
    summary : str
        One line.
    inputs, outputs : tuple of PayloadField
        Scalars and one-dimensional arrays, in the order of the arguments.
    block : Block
        Statements.
    results : mapping
        Name of the output to what it is.
    limits : mapping
        Least and greatest value of inputs that are no whole words.
    """

    name: str
    room: str
    summary: str
    inputs: tuple[PayloadField, ...]
    outputs: tuple[PayloadField, ...]
    block: Block
    results: Mapping[str, Expr | Vector]
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def range_of(self, port: PayloadField) -> tuple[int, int]:
        """Least and greatest value that callers may give."""
        return self.limits.get(port.name, (port.low, port.high))


@dataclass(frozen=True)
class Recipe:
    """How a room's work becomes a kernel, and how frames of it become the room's streams.

    Attributes
    ----------
    make : callable
        Gives the kernel of a config.
    streams : callable
        Gives the beats of all input ports of the room for some frames.
    frames : callable
        Gives the frames of the kernel's outputs from the beats of the room's output ports.
    """

    make: Callable[[Any], Kernel]
    streams: Callable[[Any, Beats], dict[str, Beats]]
    frames: Callable[[Any, dict[str, Beats]], Beats]


def port(field: PayloadField) -> Any:
    """Give an input as a scalar or as an array."""
    kind = Int(field.bits, field.signed)
    return Vector(field.name, kind, field.count) if field.shape else Name(kind, field.name)


def new_builder(fields: tuple[PayloadField, ...]) -> Builder:
    """Give a builder that leaves the ports their names."""
    builder = Builder()
    for item in fields:
        builder.name(item.name)
    return builder
