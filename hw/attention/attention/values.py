# SPDX-License-Identifier: BSD-2-Clause
"""From probabilities and values to results: all slots meet one value row per step."""

from functools import reduce
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.attention.attention.config import AttentionConfig
from gatewright.hw.attention.attention.matrix import Matrix, few_words
from gatewright.hw.attention.attention.scores import Scale, lanes_of
from gatewright.hw.attention.attention.walk import Steps
from gatewright.hw.core.pipe import Pipe
from gatewright.hw.quantise.requantise.component import Requantise


class Summer:
    """Walk the values past the slots' probabilities.

    Attributes
    ----------
    summed : Steps
        Where the walk is.
    read : Signal
        Values and probabilities are read in this cycle.
    missing : Signal
        A probability of the step is not there; the caller drives it.
    takes_scale : Signal
        The waiting scale goes into `scale`, and its place is free.
    """

    def __init__(self, m: Module, config: AttentionConfig, values: Matrix) -> None:
        self.m, self.config, self.values = m, config, values
        self.summed = Steps(config, config.parts, "sum")
        self.read, self.missing = Signal(name="sum_read"), Signal(name="sum_missing")
        self.takes_scale = Signal()
        self.scale = Scale.registers(config, "out")
        self.pipe = Pipe(m)

    def build(self, probabilities: list[Value], o: Any) -> None:
        """Build everything; ``probabilities`` follow `read` by a cycle."""
        m, config, summed, pipe = self.m, self.config, self.summed, self.pipe
        m.submodules.finisher = finisher = Requantise(config.finisher)
        valid = self._issue()
        address = Cat(summed.part.value, summed.head.value)
        early, late = pipe(address, "address", 2), pipe(address, "address", 3)
        value = lanes_of(pipe(self.values.data, "value"), config)

        sums, leaving = [], []
        for slot, probability in enumerate(probabilities):
            begins = pipe(summed.key.value == slot, "begins", 3)
            leaves = pipe(self._leaves(slot), "leaves", 3)
            weight = pipe(probability, "probability")
            products = [pipe(weight * element, "product") for element in value]
            depth = config.parts if config.heads == 1 else config.heads << len(summed.part.value)
            word = Signal(config.lanes * config.sum_bits, name=f"sums_{slot}")
            kept = few_words(
                m, f"kept_{slot}", len(word), depth, (early, pipe.enable), (late, pipe.enable & valid, word)
            )
            before = Mux(begins, 0, kept)
            parts = [before.word_select(lane, config.sum_bits) for lane in range(config.lanes)]
            m.d.comb += word.eq(Cat((a + b)[: config.sum_bits] for a, b in zip(parts, products, strict=True)))
            sums.append(Mux(leaves, word, 0))
            leaving.append(leaves)

        row = Signal(config.lanes * config.sum_bits, name="row")
        gives = valid & reduce(lambda a, b: a | b, leaving)
        m.d.comb += [
            row.eq(reduce(lambda a, b: a | b, sums)),
            finisher.i.valid.eq(gives), finisher.i.payload.last.eq(pipe(summed.end, "row_end", 3)),
            pipe.enable.eq(finisher.i.ready | ~gives),
            o.valid.eq(finisher.o.valid), finisher.o.ready.eq(o.ready),
            o.payload.last.eq(finisher.o.payload.last),
        ]  # fmt: skip
        self.scale.give(m, finisher.i.payload)
        for lane in range(config.lanes):
            acc = row.word_select(lane, config.sum_bits).as_signed()
            m.d.comb += [finisher.i.payload.acc[lane].eq(acc), o.payload.y[lane].eq(finisher.o.payload.q[lane])]

    def _issue(self) -> Value:
        """Read a value's word and the probabilities of its head; give valid three registers later."""
        m, summed, values, pipe = self.m, self.summed, self.values, self.pipe
        may = Signal(name="sum_may")
        values.want(m, summed.key.value)
        m.d.comb += [
            may.eq(values.here & ~self.missing), self.read.eq(may & pipe.enable),
            values.read.eq(self.read), values.rewind.eq(self.read & summed.block_end),
            values.clear.eq(self.read & summed.final),
        ]  # fmt: skip
        summed.build(m, self.read)

        # The scale changes between the last result of a sequence and the first sum of the next.
        within, first = Signal(name="sequence_summed"), Signal(name="sequence_begins")
        with m.If(self.read):
            m.d.sync += within.eq(~summed.final)
        valid: Value = may
        begins: Value = may & ~within
        for _ in range(2):
            earlier, begins = begins, Signal(name="sequence_begins")
            with m.If(pipe.enable):
                m.d.sync += begins.eq(earlier)
        m.d.comb += [first.eq(begins), self.takes_scale.eq(first & pipe.enable)]
        for _ in range(3):
            earlier, valid = valid, Signal(name="sum_valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(earlier)
        return valid

    def _leaves(self, slot: int) -> Value:
        """Tell whether a slot meets its query's last key: the one before the key that it began with."""
        summed = self.summed
        if slot == 0:
            return summed.key.last
        if self.config.blocks == 1:
            return Const(0, 1)
        return (summed.key.value == slot - 1) & (summed.block.value != 0)
