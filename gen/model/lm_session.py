# SPDX-License-Identifier: BSD-2-Clause
"""Talk to a language model accelerator: feed tokens, get the ones that follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gatewright.gen.link.driver import Accelerator
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.gen.model.lm_text import sample
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.talk import COUNT_BYTES, HEADER, LOGIT_BYTES, LOGITS, START
from gatewright.hw.core.errors import LinkError
from gatewright.hw.core.numerics import Ints

AHEAD = 4  # tokens of a greedy request: so often does a text grow on the screen
LOST = 3  # replies that may get lost in a session


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes
    ----------
    tokens : tuple of int
        Found; fewer than wanted if the context is full.
    logits : (vocab,) int64 or None
        Of the last one.
    cycles : int
        Counted by the accelerator.
    """

    tokens: tuple[int, ...]
    logits: Ints | None
    cycles: int


def request(core: LmCoreConfig, tokens: Sequence[int], wanted: int, start: bool, logits: bool = False) -> bytes:
    """Write a request; see `LmCoreConfig`."""
    assert len(tokens) <= core.request_tokens
    assert wanted < 1 << 8
    flags = START * start | LOGITS * logits
    filling = bytes(core.input_bytes - HEADER - len(tokens))
    return bytes((flags, len(tokens), wanted)) + bytes(tokens) + filling


@dataclass
class Session:
    """A text that an accelerator goes on with.

    The accelerator remembers the text, so a request whose reply gets lost can't be sent again: the text is fed
    once more from its beginning.

    Attributes
    ----------
    history : list of int
        Tokens that have been fed.
    cycles, predicted : int
        Cycles that the accelerator counted, and those that the cycle model predicts.
    passed : int
        Tokens that went through the model.
    """

    accelerator: Accelerator
    core: LmCoreConfig
    history: list[int] = field(default_factory=list)
    cycles: int = 0
    predicted: int = 0
    passed: int = 0
    lost: int = 0

    def begin(self) -> None:
        """Forget the text."""
        self.history.clear()

    def feed(self, tokens: Sequence[int], wanted: int = 0, logits: bool = False) -> Reply:
        """Feed tokens, find ``wanted`` more; those found, but the last, have been fed as well."""
        size = self.core.request_tokens
        pieces = [tokens[at : at + size] for at in range(0, len(tokens), size)]
        for piece in pieces[:-1]:
            self._exchange(piece, 0, False)
        return self._exchange(pieces[-1], wanted, logits)

    @property
    def room(self) -> int | None:
        """Tokens that may still be fed; None: any number."""
        return self.core.context - len(self.history) if self.core.family == "transformer" else None

    def _exchange(self, tokens: Sequence[int], wanted: int, logits: bool) -> Reply:
        before = list(self.history)
        while True:
            data = request(self.core, tokens, wanted, not self.history, logits)
            try:
                body = self.accelerator.request(data, attempts=1 if self.history else None)
                break
            except LinkError:
                self.lost += 1
                if not before or self.lost > LOST:
                    raise
                self.history.clear()
                self.feed(before)
        reply = self._read(body, logits)
        positions = range(len(before), len(before) + len(tokens) + max(0, len(reply.tokens) - 1))
        heads = [wanted > 0 and position >= len(before) + len(tokens) - 1 for position in positions]
        self.history += [*tokens, *reply.tokens[:-1]]
        self.cycles += reply.cycles
        self.predicted += self.core.timing.run(positions, heads)
        self.passed += len(positions)
        return reply

    def _read(self, body: bytes, logits: bool) -> Reply:
        behind = COUNT_BYTES + (LOGIT_BYTES * self.core.vocab if logits else 0)
        if len(body) < behind:
            raise LinkError(f"a reply has {len(body)} bytes, not {behind} or more; flash the board again")
        found = np.frombuffer(body[len(body) - behind : -COUNT_BYTES], f"<i{LOGIT_BYTES}").astype(np.int64)
        tokens = tuple(body[: len(body) - behind])
        return Reply(tokens, found if logits else None, int.from_bytes(body[-COUNT_BYTES:], "little"))


def continued(
    session: Session, graph: LmGraph, prompt: Sequence[int], count: int, temperature: float = 0.0, seed: int = 0
) -> Iterator[int]:
    """Go on with a prompt, ``count`` tokens; see `lm_text.continued`, whose tokens these are, bit for bit.

    A full context starts anew with the latest ``context // 2`` tokens.
    """
    rng = np.random.default_rng(seed)
    text, pending = list(prompt), list(prompt)
    session.begin()
    while count:
        if session.room is not None and session.room < len(pending):
            session.begin()
            pending = text[-max(session.core.context // 2, 1) :]
        if temperature:
            reply = session.feed(pending, 1, logits=True)
            assert reply.logits is not None
            tokens: tuple[int, ...] = (sample(graph, reply.logits, temperature, rng),)
        else:
            left = count if session.room is None else min(count, session.room - len(pending) + 1)
            tokens = session.feed(pending, min(left, AHEAD)).tokens
        yield from tokens
        text += tokens
        pending = [tokens[-1]]
        count -= len(tokens)
