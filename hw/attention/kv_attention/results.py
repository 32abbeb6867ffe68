# SPDX-License-Identifier: BSD-2-Clause
"""From products of probabilities and values to results."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from gatewright.hw.attention.kv_attention.array import Array, Term
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.intake import Counter
from gatewright.hw.attention.kv_attention.reorder import Reorder
from gatewright.hw.attention.kv_attention.walks import Walks
from gatewright.hw.mac.multiplier import add_with_carry
from gatewright.hw.quantise.requantise.component import Requantise


class Results:
    """Accumulators, and the requantisers that empty them, ``lanes`` a beat.

    Attributes
    ----------
    taken : Value
        The accumulators are in use, or results would have no place to go.
    """

    def __init__(self, m: Module, config: KvAttentionConfig) -> None:
        self.m, self.config = m, config
        self.summing = Signal(name="summing")
        self.taken: Value = self.summing
        if config.reorders:
            self.reorder = Reorder(m, config)
            self.taken = self.summing | self.reorder.full

    def build(self, walks: Walks, array: Array, o: Any) -> None:
        """Build everything."""
        m, config = self.m, self.config
        m.submodules.finisher = finisher = Requantise(config.finisher)
        valid, last = array.value[config.sum_stage], array.last[config.sum_stage]
        leaves, step = Signal(name="results_leave"), Signal(name="result_leaves")
        m.d.comb += step.eq(leaves & finisher.i.ready)
        group = Counter(m, config.groups, step, "result_group")
        ends: Value = group.last
        final = Signal(name="result_final", reset_less=True)
        rest = {
            name: Signal(len(value), name=f"result_{name}", reset_less=True) for name, value in walks.result.items()
        }
        if config.queries > 1:
            token = Counter(m, config.queries, step & group.last, "result_token", rest["more"])
            ends = group.last & token.last
        with m.If(step & ends):
            m.d.sync += [leaves.eq(0), self.summing.eq(0)]
        with m.If(valid & last):
            m.d.sync += leaves.eq(1)
        with m.If(walks.begins):
            m.d.sync += [self.summing.eq(1), final.eq(walks.final)]
            m.d.sync += [register.eq(walks.result[name]) for name, register in rest.items()]

        begun = Signal(name="sums_begun")
        with m.If(valid):
            m.d.sync += begun.eq(~last)
        sums = [self._sum(valid, begun, term) for term in array.sums]
        beat = Signal(config.lanes * config.sum_bits, name="result_sums")
        rows: Value = Cat(sums)
        if config.queries > 1:
            rows = rows.word_select(token.value, config.groups * len(beat))
        m.d.comb += beat.eq(rows.word_select(group.value, len(beat)))
        payload = finisher.i.payload
        m.d.comb += [
            finisher.i.valid.eq(leaves), payload.last.eq(ends if config.reorders else group.last & final),
            payload.multiplier.eq(rest["out_multiplier"]), payload.shift.eq(rest["out_shift"]),
        ]  # fmt: skip
        if config.reorders:
            self.reorder.build(finisher.o, o, walks)
        else:
            m.d.comb += [
                o.valid.eq(finisher.o.valid), finisher.o.ready.eq(o.ready), o.payload.last.eq(finisher.o.payload.last),
            ]  # fmt: skip
        for lane in range(config.lanes):
            m.d.comb += payload.acc[lane].eq(beat.word_select(lane, config.sum_bits).as_signed())
            if not config.reorders:
                m.d.comb += o.payload.y[lane].eq(finisher.o.payload.q[lane])

    def _sum(self, valid: Value, begun: Value, term: Term) -> Value:
        """Accumulate; the first word of a walk finds nothing before it."""
        m = self.m
        total = Signal(signed(self.config.sum_bits), name="total", reset_less=True)
        carry = term.carries[0] if term.carries else Const(0, 1)
        with m.If(valid):
            m.d.sync += total.eq(add_with_carry(Mux(begun, total, 0), term.value, carry))
        return total
