# SPDX-License-Identifier: BSD-2-Clause
"""What an accelerator is asked, and what it must answer: one kind of task for each kind of accelerator."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.link.driver import Accelerator
from gatewright.hw.core.numerics import Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class Task(ABC):
    """Inputs for an accelerator.

    Attributes
    ----------
    codes : (inputs, features) int64
        Inputs, each an octet per feature.
    labels : (inputs,) int64
        What they show; empty if nobody knows.
    loads : tuple of bytes
        Weights that the accelerator must be given first.
    golden : str
        What answers are held to, in words.
    checks : int
        Inputs that a netlist must answer before there is a bitstream.
    """

    golden: ClassVar[str] = "the golden model"
    checks: ClassVar[int] = 12

    codes: Ints
    labels: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    loads: tuple[bytes, ...] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """What is run."""

    @abstractmethod
    def read(self, octets: NDArray[np.uint8]) -> Ints:
        """Read answers ``(inputs, octets)`` as numbers ``(inputs, outputs)``."""

    @abstractmethod
    def wanted(self, count: int) -> Ints:
        """Give the right answers ``(count, outputs)`` to the first inputs."""

    @abstractmethod
    def describe(self, index: int, output: Ints) -> str:
        """Show one input and its answer."""

    def picture(self, index: int, output: Ints) -> tuple[str, bytes] | None:
        """Draw what text can't: a file's name and its PNG, if there is anything to draw."""
        return None

    def answer(self, outputs: Ints) -> Ints:
        """Give what each output ``(inputs, outputs)`` says: the index of its greatest number."""
        found: Ints = outputs.argmax(axis=1)
        return found

    def predict(self, outputs: Ints) -> Ints | None:
        """Give the cycles of the runs that gave these outputs; None where all take the accelerator's `run_cycles`."""
        return None

    def figures(self, cycles: int) -> dict[str, float]:
        """Give what a run of so many cycles comes to, by name."""
        return {}

    def brief(self) -> Self:
        """Give a task that a netlist can do, which takes a thousand times as long as a circuit."""
        return self

    def wire(self, index: int) -> bytes:
        """Give an input as it goes over the line."""
        return self.codes[index].astype(np.int8).tobytes()

    def run(
        self, accelerator: Accelerator, count: int, done: Callable[[int], None] = lambda index: None
    ) -> tuple[Ints, Ints]:
        """Bring the weights, run the first inputs; give outputs ``(count, outputs)`` and cycles ``(count,)``."""
        accelerator.load(self.loads)
        outputs, cycles = accelerator.infer(self.codes[:count].astype(np.int8), done)
        return self.read(outputs), cycles
