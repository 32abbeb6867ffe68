# SPDX-License-Identifier: BSD-2-Clause
"""The core's clock: when each beat of a token passes, from unit to unit."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from gatewright.hw.accel.lm_core.program import Kind, Part
from gatewright.hw.accel.lm_core.talk import reply_spans
from gatewright.hw.attention.kv_attention.timing import lone
from gatewright.hw.core.ports import Beats

AROUND = 3  # cycles of a token beyond those in which it goes through the model
BEFORE = 2  # cycles of a run before its first token
CUT = 1  # cycle in front of the gate
NEVER = -1 << 40


class Feed:
    """Beats of a normalised row on their way into the engine, which gathers them into blocks.

    Parameters
    ----------
    config : LmCoreConfig
        The core.
    known : sequence of int
        When the norm has each of its beats.
    paired : bool
        Whether two of them make a beat of the engine.
    """

    def __init__(self, config: Any, known: Sequence[int], paired: bool) -> None:
        self.known, self.paired = known, paired
        self.beats = config.matvec.block // config.outputs_per_cycle
        self.gathers, self.wait = config.matvec.gathers, config.matvec.input_wait
        self.at, self.half, self.taken, self.moved = 0, NEVER, NEVER, NEVER

    def _beat(self) -> int:
        """Give the cycle in which the next beat stands at the engine's input."""
        known, at = self.known, self.at
        self.at += 1
        if not self.paired:
            return known[at]
        first = max(known[2 * at], self.half + 1, self.taken)
        self.half = max(known[2 * at + 1], first + 1)
        return self.half + 1

    def __call__(self, index: int, taken: int) -> int:
        """Give the first cycle in which the engine sees a block, when the one before was taken."""
        if not self.gathers:
            self.taken = max(self._beat(), taken + 1)
            return self.taken
        self.taken = max(self.taken, self.moved - 1)
        left = len(self.known) // (1 + self.paired) - self.at
        for _ in range(min(self.beats, left)):
            self.taken = max(self._beat(), self.taken + 1)
        self.moved = max(self.taken + 1, taken + self.wait)
        return self.moved + 1


class Model:
    """Cycle counts of tokens and requests."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self._token = cache(self._follow)

    def token(self, position: int, head: bool) -> int:
        """Count the cycles from a token's begin to that of the next."""
        return self._token(position if self.config.family == "transformer" else 0, head)

    def run(self, positions: Sequence[int], heads: Sequence[bool]) -> int:
        """Count the cycles that the core counts for a request's tokens."""
        return BEFORE + sum(self.token(position, head) for position, head in zip(positions, heads, strict=True))

    def spans(self, beats: Beats) -> list[tuple[int, int]]:
        """Give, for each good request, the cycle of the first octet of the reply and that after the last."""
        from gatewright.hw.accel.lm_core.golden import runs  # how many tokens there is room for

        return reply_spans(0, beats, self.config.vocab, runs(self.config, beats), self.run)

    def steps(self, position: int, head: bool) -> dict[str, int]:
        """Give what each kind of step of a token costs, all layers together."""
        config, costs = self.config, dict.fromkeys(("embed", "mix", "attend", "out", "gate", "down", "head", "next"), 0)
        now = self._embedded()
        costs["embed"] = now
        for _ in range(config.layers):
            for name, after in self._layer(now, position):
                costs[name] += after - now
                now = after
        if head:
            after = self._head(now)
            costs["head"], now = after - now, after
        costs["next"] = AROUND
        return costs

    # --- a token ---

    def _follow(self, position: int, head: bool) -> int:
        """Follow a token that begins in cycle 0."""
        return sum(self.steps(position, head).values())

    def _embedded(self) -> int:
        """Give when the embedded row is whole."""
        return 2 + int(self.config.features // self.config.outputs_per_cycle)

    def _layer(self, now: int, position: int) -> list[tuple[str, int]]:
        """Give when each step of a layer is over."""
        config = self.config
        results = self._scaled(Kind.MIX, self._residual(now), False)
        first = results[-1]
        mixed = self._attend(results, position) if config.family == "transformer" else self._recur(results)
        row = self._normed(config.mixer_norm, mixed, config.mixed)
        out = self._scaled(Kind.OUT, row, config.family == "mlgru")
        whole = out[-1] + 2
        results = self._scaled(Kind.GATE, self._residual(whole), False)
        row = self._normed(config.ffn_norm, results[-1] + CUT + config.gated.latency + 1, config.hidden)
        down = self._scaled(Kind.DOWN, row, False)
        return [("mix", first), ("attend", mixed), ("out", whole), ("gate", results[-1]),
                ("down", down[-1] + 2)]  # fmt: skip

    def _residual(self, now: int) -> list[int]:
        """Read the row, whole in a cycle, and normalise it; give when its beats leave the norm."""
        config = self.config
        last = now + 1 + config.features // config.outputs_per_cycle
        return self._normed(config.norm, last, config.features)

    def _normed(self, norm: Any, last: int, elements: int) -> list[int]:
        """Give when the beats of a row leave a norm whose last beat has come in a cycle."""
        first = int(last + norm.sum_cycles + norm.scale_cycles + 1 + norm.apply_cycles)
        return [first + beat for beat in range(elements // norm.lanes)]

    def _sums(self, kind: Kind, row: Sequence[int], paired: bool) -> list[int]:
        """Give when the engine's sums come."""
        config = self.config
        blocks, sweep = config.runs(kind)
        plan = config.matvec.engine.plan([sweep] * blocks, Feed(config, row, paired))
        first = plan.starts[-1] + config.matvec.engine.stages + 1
        return [first + beat for beat in range(sweep)]

    def _scaled(self, kind: Kind, row: Sequence[int], paired: bool) -> list[int]:
        """Give when results come."""
        return [cycle + self.config.rescale.latency for cycle in self._sums(kind, row, paired)]

    def _head(self, now: int) -> int:
        """Give when the next token is found."""
        config = self.config
        last = now + 1 + config.features // config.outputs_per_cycle
        row = self._normed(config.last_norm, last, config.features)
        return self._sums(Kind.HEAD, row, False)[-1] + int(config.argmax.latency)

    def _attend(self, results: Sequence[int], position: int) -> int:
        """Give when the last attended beat comes."""
        config = self.config
        ends, at = {}, 0
        for section in config.sections[:3]:
            at += section.beats
            ends[section.part] = results[at - 1]
        turned = config.rope.latency
        return self._attended(position, ends[Part.QUERY] + turned, ends[Part.KEY] + turned, ends[Part.VALUE])

    def _attended(self, position: int, queries: int, keys: int, values: int) -> int:
        """Give when the last attended beat comes, if a token's rows end in given cycles."""
        return lone(self.config.attention, position, queries, keys, values)

    def _recur(self, results: Sequence[int]) -> int:
        """Give when the last gated beat of the state comes."""
        config = self.config
        beats = config.sections[0].beats
        last = results[beats - 1] + config.mlgru.latency - 1  # the job has come long before
        state = self._normed(config.state_norm, last, config.features)
        gates = [cycle + config.gate_queue.latency for cycle in results[beats:]]
        now = NEVER
        for beat, known in enumerate(state):
            now = max(known, now + 1, gates[beat // 2])
        return int(now + config.state_gated.latency)
