# SPDX-License-Identifier: BSD-2-Clause
"""Requests and replies of a language model core: what they hold, and what they cost on its streams."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets

HEADER = 3  # octets of a request before its tokens: flags, count, generate
COUNT_BYTES, LOGIT_BYTES = 4, 4
START, LOGITS = 1, 2  # flags
MOST_FOUND = 255  # tokens of a reply

REQUESTS = StreamPort(
    "i", (PayloadField("data", 8, True), PayloadField("last", 1), PayloadField("good", 1)),
    "A request per packet; it runs if `good` comes with `last`, else it is forgotten.",
)  # fmt: skip
REPLIES = StreamPort(
    "o", (PayloadField("data", 8, True), PayloadField("last", 1)),
    "Tokens found, logits if asked for, 4 octets each, cycles, 4 octets.",
)  # fmt: skip


class Talk:
    """Properties of a core's parameters that follow from requests, replies and the cycle model ``timing``."""

    if TYPE_CHECKING:  # not annotations of this class, which would be fields of the config
        request_tokens: int
        vocab: int
        context: int
        family: Literal["transformer", "mlgru"]
        timing: Any

    @property
    def input_bytes(self) -> int:
        """Octets of a request."""
        return HEADER + self.request_tokens

    @property
    def output_bytes(self) -> int:
        """Octets of the longest reply, the count of cycles left out."""
        return MOST_FOUND + LOGIT_BYTES * self.vocab

    @property
    def loads(self) -> int:
        """Constants do not come over the serial line."""
        return 0

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Replies."""
        return (REPLIES,)

    def token_cycles(self, position: int, head: bool = True) -> int:
        """Count the cycles of a token at a position, its logits and the next token found if ``head``."""
        return int(self.timing.token(position, head))

    @property
    def run_cycles(self) -> int:
        """Cycles of one token in the middle of its context, next token found."""
        return self.token_cycles(self.context // 2)

    @property
    def most_found(self) -> int:
        """Tokens of the longest reply."""
        return min(MOST_FOUND, self.context) if self.family == "transformer" else MOST_FOUND

    @property
    def quiet(self) -> int:
        """Cycles of the longest run: of the latest positions, where attention sees most."""
        count, first = self.request_tokens + MOST_FOUND - 1, 0
        if self.family == "transformer":
            count = min(count, self.context)
            first = self.context - count
        return int(self.timing.run(range(first, first + count), [True] * count))


def reply_spans(
    begin: int, beats: Beats, vocab: int, answers: Iterable[Any], cycles: Callable[[Sequence[int], Sequence[bool]], int]
) -> list[tuple[int, int]]:
    """Give, for each good request, the cycle of the first octet of the reply and that after the last.

    Parameters
    ----------
    begin : int
        Cycle of the first octet.
    answers : iterable of Run
        What the good requests come to, see the golden model.
    cycles : callable
        Cycles of a run of tokens at positions, and whether each asks for the next one.
    """
    found, now, rest = [], begin, iter(answers)
    for span in packets(beats):
        now += span.stop - span.start
        if not beats["good"][span.stop - 1]:
            continue
        run = next(rest)
        first = now + cycles(run.positions, run.heads)
        logits = 0 if run.logits is None else 6 * vocab - 2
        now = first + 2 * len(run.tokens) + 1 + logits + 4
        found.append((first + 1, now))
    return found
