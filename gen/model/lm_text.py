# SPDX-License-Identifier: BSD-2-Clause
"""What one does with a golden language model: go on with a text, draw tokens, score a text, find a difference."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gatewright.gen.model.lm_golden import LmState, prefill, step
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints


def greedy(logits: Ints) -> int:
    """Give the token of the greatest logit; ties go to the lowest."""
    return int(np.argmax(logits))


def sample(graph: LmGraph, logits: Ints, temperature: float, rng: np.random.Generator) -> int:
    """Draw a token from the softmax of the real logits over the temperature; at 0, take the greatest."""
    if not 0 <= temperature < math.inf:
        raise ModelError(f"temperature must be 0 or more and finite, not {temperature}")
    if temperature == 0:
        return greedy(logits)
    # By addition of Gumbel noise: no sum of rounded exponentials decides.
    return int(np.argmax(logits * (graph.logit_step / temperature) + rng.gumbel(size=len(logits))))


def continued(
    graph: LmGraph,
    prompt: Sequence[int],
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
    wrap: bool = False,
) -> Iterator[tuple[int, Ints]]:
    """Go on with a prompt for ever; give each new token and the logits that it comes from.

    A transformer whose context is full raises `ModelError`, or with ``wrap`` starts anew with the latest
    ``context // 2`` tokens as its prompt.
    """
    rng = rng or np.random.default_rng(0)
    fed = list(prompt)
    state, all_logits = prefill(graph, fed)
    logits = all_logits[-1]
    while True:
        token = sample(graph, logits, temperature, rng)
        yield token, logits
        fed.append(token)
        if wrap and is_full(graph, state):
            state, all_logits = prefill(graph, fed[-max(graph.geometry.context // 2, 1) :])
            logits = all_logits[-1]
        else:
            logits = step(graph, state, token)


def is_full(graph: LmGraph, state: LmState) -> bool:
    """Tell whether the state can take no further token."""
    return graph.geometry.family == "transformer" and state.position == graph.geometry.context


def generate(graph: LmGraph, prompt: Sequence[int], count: int, wrap: bool = False) -> list[int]:
    """Give the ``count`` tokens that follow a prompt, greedily."""
    tokens = continued(graph, prompt, wrap=wrap)
    return [next(tokens)[0] for _ in range(count)]


def bits_per_byte(graph: LmGraph, text: ArrayLike) -> float:
    """Score tokens in pieces of the context, each begun with nothing before; the first of the text is given."""
    tokens, context, total = np.asarray(text), graph.geometry.context, 0.0
    if len(tokens) < 2:
        raise ModelError(f"{graph.name}: text must hold at least 2 tokens, not {len(tokens)}")
    for start in range(0, len(tokens) - 1, context):
        wanted = tokens[start + 1 : start + 1 + context]
        _, logits = prefill(graph, tokens[start : start + len(wanted)])
        real = logits * graph.logit_step
        highest = real.max(axis=1)
        total += float((highest + np.log(np.exp(real - highest[:, np.newaxis]).sum(axis=1))).sum())
        total -= float(real[np.arange(len(wanted)), wanted].sum())
    return total / (len(tokens) - 1) / math.log(2)


@dataclass(frozen=True)
class Difference:
    """Where two runs part: a stage, an element, and both values."""

    stage: str
    index: tuple[int, ...]
    first: int
    second: int

    def __str__(self) -> str:
        return f"{self.stage}{list(self.index)}: {self.first} and {self.second}"


def first_difference(first: dict[str, Ints], second: dict[str, Ints]) -> Difference | None:
    """Find the first stage, in the order of ``first``, and in it the first element, in which two runs differ.

    Raises
    ------
    ModelError
        The runs have no common stage, or one has another shape.
    """
    common = [name for name in first if name in second]
    if not common:
        raise ModelError("stages must have a name in common")
    for name in common:
        a, b = np.asarray(first[name]), np.asarray(second[name])
        if a.shape != b.shape:
            raise ModelError(f"stage {name} must have one shape, not {a.shape} and {b.shape}")
        places: Any = np.argwhere(a != b)
        if len(places):
            index = tuple(int(k) for k in places[0])
            return Difference(name, index, int(a[index]), int(b[index]))
    return None
