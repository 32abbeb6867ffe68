# SPDX-License-Identifier: BSD-2-Clause
"""The serial core's clock: every step has its fixed count, and attention grows with the position."""

from collections.abc import Sequence
from typing import Any

from gatewright.hw.accel.lm_core.talk import reply_spans
from gatewright.hw.accel.lm_serial.tape import MATRICES, NORMS, Step, length_of, row_words, scale_words, shape_of, steps
from gatewright.hw.core.ports import Beats

AROUND = 4  # cycles of a token outside its steps: two to choose it, one to begin, one to end
BEFORE = 2  # cycles of a run beyond those of its tokens
DRAIN, SCORED, VALUED = 7, 5, 6  # from the last word of a sweep to its last result: of rows, scores, values


class Model:
    """Cycle counts of tokens and requests."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def token(self, position: int, head: bool) -> int:
        """Count the cycles from a token's begin to that of the next."""
        return sum(self.steps(position, head).values())

    def run(self, positions: Sequence[int], heads: Sequence[bool]) -> int:
        """Count the cycles that the core counts for a request's tokens."""
        return BEFORE + sum(self.token(position, head) for position, head in zip(positions, heads, strict=True))

    def steps(self, position: int, head: bool) -> dict[str, int]:
        """Give what each kind of step of a token costs, all layers together."""
        config = self.config
        # Between layers the sequence looks once more; behind the last one too, if there is no head.
        costs = {"embed": 3 * config.features // 2, "norms": 0, "matrices": 0, "rotate": 0, "attend": 0, "head": 0,
                 "next": AROUND + config.layers - 1}  # fmt: skip
        for layer, step in steps(config):
            if layer == config.layers and not head:
                break
            name = "matrices" if step in MATRICES else "norms" if step in NORMS else step.name.lower()
            costs["head" if layer == config.layers else name] += 1 + self._step(step, position)
        return costs

    def _step(self, step: Step, position: int) -> int:
        """Count a step's cycles, the one that chooses it left out."""
        config = self.config
        if step in NORMS:
            norm = config.norms[0]
            apply = 1 + 2 * (length_of(config, step) + 1) + 2
            digits = config.pairs + norm.root_bits + 1 + config.divide_steps
            return length_of(config, step) + 2 + digits + apply
        if step in MATRICES:
            outputs, inputs = shape_of(config, step)
            return _scales(step) + outputs * row_words(inputs) + DRAIN
        if step == Step.ROTATE:
            return 7 * (config.mixed + 2 * config.cached) // 2
        return _scales(step) + config.heads * self._head(position + 1)

    def _head(self, seen: int) -> int:
        """Count the cycles of a query head that sees so many tokens: scores, exponentials, reciprocal, weights, sum."""
        words, plan = self.config.head_dim // 2, self.config.attention.softmax.plan
        weights = 1 + 5 * seen + 1 + plan.quotient_bits + 1 + 1 + 3 * seen
        return int(seen * words + SCORED + weights + words * (seen + VALUED))

    def spans(self, boot: Beats, beats: Beats) -> list[tuple[int, int]]:
        """Give, for each good request, the cycle of the first octet of the reply and that after the last."""
        from gatewright.hw.accel.lm_serial.golden import runs  # how many tokens there is room for

        answers = runs(self.config, boot, beats)
        return reply_spans(len(boot["data"]), beats, self.config.vocab, answers, self.run)


def _scales(step: Step) -> int:
    words = scale_words(step)
    return words + 1 if words else 0
