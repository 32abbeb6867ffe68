# SPDX-License-Identifier: BSD-2-Clause
"""Prompts for a language model accelerator, and the texts that must follow them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.design import Design
from gatewright.gen.link.driver import Accelerator
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.gen.model.lm_session import Session, request
from gatewright.gen.model.lm_text import generate
from gatewright.gen.model.map_ternary_lm import LmSettings, model_of
from gatewright.gen.task import Task
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints

PROMPTS = ("In the beginning ", "And the LORD said unto ", "The king of ")
LENGTH, BRIEF, MOST = 256, 4, 255  # tokens of a text, of one on a netlist, of a reply


@dataclass(frozen=True, eq=False, kw_only=True)
class LmTask(Task):
    """A language model and prompts.

    Attributes
    ----------
    graph : LmGraph
        The integer graph.
    core : LmCoreConfig
        The accelerator's core.
    prompts : tuple of bytes
        What to go on with.
    length : int
        Tokens to find for each.
    """

    checks: ClassVar[int] = 1

    graph: LmGraph
    core: LmCoreConfig
    prompts: tuple[bytes, ...]
    length: int

    @property
    def name(self) -> str:
        """The model's name."""
        return self.graph.name

    def read(self, octets: NDArray[np.uint8]) -> Ints:
        """Read tokens."""
        return octets.astype(np.int64)

    def wanted(self, count: int) -> Ints:
        """Run the golden model."""
        return np.array([_generated(self.graph, prompt, self.length) for prompt in self.prompts[:count]])

    def answer(self, outputs: Ints) -> Ints:
        """Give the last token."""
        return outputs[:, -1]

    def describe(self, index: int, output: Ints) -> str:
        """Show the whole text."""
        return shown(self.prompts[index]) + shown(bytes(output.tolist()))

    def predict(self, outputs: Ints) -> Ints:
        """Give the cycles of each text by the cycle model."""
        return np.array([sum(self._runs(len(prompt))) for prompt in self.prompts[: len(outputs)]])

    def _runs(self, fed: int) -> Iterator[int]:
        """Give the cycles of each request of a text: pieces of the prompt, then tokens found."""
        size, run = self.core.request_tokens, self.core.timing.run
        for at in range(0, fed - 1 - (fed - 1) % size, size):
            yield run(range(at, at + size), [False] * size)
        at, tokens, left = fed - 1 - (fed - 1) % size, (fed - 1) % size + 1, self.length
        while left:
            found = min(left, MOST)
            heads = [False] * (tokens - 1) + [True] * found
            yield run(range(at, at + len(heads)), heads)
            at, tokens, left = at + len(heads), 1, left - found

    def figures(self, cycles: int) -> dict[str, float]:
        """Give cycles per token that is found and fed back."""
        return {"cycles_per_token": cycles / (self.length + max(len(prompt) for prompt in self.prompts))}

    def wire(self, index: int) -> bytes:
        """Give a short request."""
        return request(self.core, self.prompts[index][: min(2, self.core.request_tokens)], 1, start=True)

    def brief(self) -> Self:
        """Find a few tokens only."""
        return replace(self, length=BRIEF)

    def run(
        self, accelerator: Accelerator, count: int, done: Callable[[int], None] = lambda index: None
    ) -> tuple[Ints, Ints]:
        """Go on with the first prompts."""
        outputs, cycles = [], []
        for index, prompt in enumerate(self.prompts[:count]):
            session = Session(accelerator, self.core)
            tokens = list(session.feed(prompt, min(self.length, MOST)).tokens)
            while len(tokens) < self.length:
                tokens += session.feed(tokens[-1:], min(self.length - len(tokens), MOST)).tokens
            outputs.append(tokens)
            cycles.append(session.cycles)
            done(index + 1)
        return np.array(outputs, np.int64), np.array(cycles, np.int64)


@cache
def _generated(graph: LmGraph, prompt: bytes, length: int) -> tuple[int, ...]:
    return tuple(generate(graph, list(prompt), length))


def shown(octets: bytes) -> str:
    """Give a text as it can be printed."""
    return "".join(chr(octet) if octet == 10 or 32 <= octet < 127 else "·" for octet in octets)


def lm_task(design: Design, settings: LmSettings, inputs: Path | None = None) -> LmTask:
    """Give a design's model with prompts: lines of a file, or the beginnings of some sentences.

    Raises
    ------
    ModelError
        One line naming the file, or the prompt that is too long.
    """
    graph = model_of(settings, design.folder)
    core: LmCoreConfig = design.config.core
    prompts = tuple(prompt.encode() for prompt in PROMPTS)
    if inputs is not None:
        try:
            prompts = tuple(line for line in inputs.read_bytes().splitlines() if line)
        except OSError as error:
            raise ModelError(f"{inputs}: {error.strerror}") from None
        if not prompts:
            raise ModelError(f"{inputs}: no line to go on with")
    length = LENGTH
    for prompt in prompts:
        tokens(graph, prompt)
        if core.family == "transformer":
            length = min(length, core.context - len(prompt) + 1)
    if length < 1:
        raise ModelError(f"prompt must have at most {core.context} bytes, not {max(map(len, prompts))}")
    codes = np.zeros((len(prompts), core.input_bytes), np.int64)
    return LmTask(codes=codes, graph=graph, core=core, prompts=prompts, length=length)


def tokens(graph: LmGraph, text: bytes) -> list[int]:
    """Give the tokens of a text: its bytes.

    Raises
    ------
    ModelError
        If it is empty, or a byte is none of the model's.
    """
    if not text:
        raise ModelError("prompt must have at least one byte")
    wrong = next((octet for octet in text if octet >= graph.geometry.vocab), None)
    if wrong is not None:
        most = graph.geometry.vocab
        raise ModelError(f"prompt must hold bytes below {most}, not {wrong}: {graph.name} knows no other")
    return list(text)
