# SPDX-License-Identifier: BSD-2-Clause
"""A matrix of trits: a word of ten meets ten activations every cycle, and each row's sum goes where its step says."""

from collections.abc import Sequence
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed

from gatewright.hw.accel.lm_core.rows import clip
from gatewright.hw.accel.lm_core.shape import ACT_BITS, SHIFT_MIN, WIDE_BITS
from gatewright.hw.accel.lm_serial.tape import (
    MATRICES,
    OCTET_TRITS,
    Step,
    row_words,
    scale_words,
    shape_of,
)
from gatewright.hw.accel.lm_serial.timing import DRAIN


def digits(octet: Value) -> list[Value]:
    """Take an octet apart: digits 0..2, the first one in front; each product's upper bits are one."""
    found: list[Value] = []
    for _ in range(OCTET_TRITS):
        triple = (octet << 1) + octet
        found.append(triple[8:10])
        octet = triple[:8]
    return found


def added(terms: Sequence[Value]) -> Value:
    """Add in a tree."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return added(terms[:half]) + added(terms[half:])


def build(m: Module, core: Any) -> None:
    """Make the pipeline of a sweep: words that are read, sums of ten, sums of rows, scaled ones."""
    config = core.config
    _shapes(m, core)
    core.reads, core.first, core.last = Signal(), Signal(), Signal()  # a word is asked for; a row's first, last
    core.shown, core.shown_first, core.shown_last = Signal(), Signal(), Signal()  # it has been read
    core.summed, core.summed_first, core.summed_last = Signal(), Signal(), Signal()
    core.whole, core.moves, core.scaled = Signal(), Signal(), Signal()  # a row's sum; it is multiplied, shifted
    core.row, core.into = Signal(range(config.most_rows)), Signal(range(config.most_rows))
    core.multipliers, core.codes = Array(Signal(16) for _ in range(2)), Array(Signal(4) for _ in range(2))
    sweeps = core.shown & ~core.attending
    m.d.sync += [
        core.shown.eq(core.reads), core.shown_first.eq(core.first), core.shown_last.eq(core.last),
        core.summed.eq(core.shown), core.summed_first.eq(core.shown_first), core.summed_last.eq(core.shown_last),
        core.whole.eq(core.summed & core.summed_last), core.moves.eq(core.whole & (core.step != Step.HEAD)),
        core.scaled.eq(core.moves),
    ]  # fmt: skip
    word = core.memory.data
    trits = [digit for start in (0, 8) for digit in digits(word[start : start + 8])]
    terms = []
    for lane, digit in enumerate(trits):
        x = core.acts.data.word_select(lane, ACT_BITS).as_signed()
        term = Signal(signed(ACT_BITS + 1), name=f"term_{lane}")
        m.d.comb += term.eq(Mux(digit[0], x, 0) | Mux(digit[1], x << 1, 0))
        terms.append(term)
    ten, total = Signal(signed(ACT_BITS + 5), reset_less=True), Signal(signed(config.logit_bits))
    core.total = total
    with m.If(sweeps):
        m.d.sync += ten.eq(added(terms))
    with m.If(core.summed & ~core.attending):  # digits are trits and one: what they gave too much comes off
        m.d.sync += total.eq(Mux(core.summed_first, core.less_sum, total) + ten)
    _results(m, core)


def _shapes(m: Module, core: Any) -> None:
    """Tell rows, words and scales of the present step's matrix, and where its results lie."""
    config = core.config
    core.rows_last, core.words_last = Signal(range(config.most_rows)), Signal(range(config.act_words))
    core.offset, core.scales = Signal(range(config.scratch_words)), Signal(range(5))
    core.place, core.rows_left = Signal(range(config.act_words)), Signal(range(config.most_rows))
    with m.Switch(core.step):
        for step in MATRICES:
            rows, inputs = shape_of(config, step)
            skip = {Step.KEY: config.mixed, Step.VALUE: config.mixed + config.cached}.get(step, 0)
            with m.Case(step):
                m.d.comb += [
                    core.rows_last.eq(rows - 1), core.words_last.eq(row_words(inputs) - 1), core.offset.eq(skip),
                    core.scales.eq(scale_words(step)),
                ]  # fmt: skip
        with m.Default():
            m.d.comb += core.scales.eq(scale_words(Step.ATTEND))


def _results(m: Module, core: Any) -> None:
    """Scale a row's sum; then it is added to the residual, kept, or gated with its neighbour."""
    config, alu, step = core.config, core.alu, core.step
    adds, gates = Signal(), Signal()
    m.d.comb += [adds.eq((step == Step.OUT) | (step == Step.DOWN)), gates.eq(step == Step.GATE)]
    odd = core.row[0]
    sel = gates & odd
    middle, positive = Signal(config.middle_bits, reset_less=True), Signal(config.gate_bits - 1)
    squares, squared, gating, gated = Signal(), Signal(), Signal(), Signal()
    core.gate = Signal(range(config.hidden))
    with m.If(core.whole & ~core.attending):
        m.d.comb += alu.multiply(core.total, core.multipliers[sel], SHIFT_MIN + core.codes[sel], True)
        m.d.sync += [core.row.eq(core.row + 1), core.into.eq(core.row)]
    with m.If(core.moves & ~core.attending):
        core.read_scratch(m, core.into)
    m.d.sync += [squares.eq(0), squared.eq(squares), gating.eq(0), gated.eq(gating)]
    wide = alu.clipped(WIDE_BITS)
    with m.If(core.scaled & ~core.attending):
        with m.If(gates):
            gate = alu.clipped(config.gate_bits)
            m.d.comb += positive.eq(Mux(gate < 0, 0, gate[:-1]))
            with m.If(core.into[0]):
                m.d.comb += alu.multiply(middle.as_unsigned(), alu.clipped(config.up_bits), config.gate_shift, True)
                m.d.sync += gating.eq(1)
            with m.Else():  # twice the square, so that it may lose no bit at all
                m.d.comb += alu.multiply(positive, Cat(Const(0, 1), positive), config.relu2_shift + 1, True)
                m.d.sync += squares.eq(1)
        with m.Elif(adds):
            core.write_scratch(m, core.into, clip(core.scratch.data.as_signed() + wide, WIDE_BITS))
        with m.Else():
            core.write_scratch(m, config.y_first + core.offset + core.into, wide)
    with m.If(squared):
        most = (1 << config.middle_bits) - 1
        m.d.sync += middle.eq(Mux(alu.result > most, most, alu.result))
    with m.If(gated):
        core.write_scratch(m, config.y_first + core.gate, wide)
        m.d.sync += core.gate.eq(core.gate + 1)
    _greatest(m, core)


def _greatest(m: Module, core: Any) -> None:
    """Hand logits to the host in pairs; keep the first of the greatest."""
    host, total = core.host, core.total
    best, kept = Signal.like(total), Signal.like(total)
    comes = core.whole & (core.step == Step.HEAD)
    m.d.comb += [
        host.logits.eq(Cat(kept, total)), host.put.eq(comes & core.row[0]),
        host.final.eq(core.row == core.config.vocab - 1),
    ]  # fmt: skip
    with m.If(comes):
        m.d.sync += kept.eq(total)
        with m.If((core.row == 0) | (total > best)):
            m.d.sync += [best.eq(total), host.found.eq(core.row)]


def begin(m: Module, core: Any) -> None:
    """Begin a sweep at its first row."""
    m.d.sync += [core.index.eq(0), core.row.eq(0), core.gate.eq(0), core.place.eq(0)]
    m.d.sync += core.rows_left.eq(core.rows_last)


def states(m: Module, core: Any) -> None:
    """Add the states that read scales and sweep rows."""
    index = core.index
    with m.State("SCALES"):
        with m.If(index != core.scales):
            core.read_tape(m)
        for slot in range(4):
            target = (core.codes if slot % 2 else core.multipliers)[slot // 2]
            with m.If(index == slot + 1):
                m.d.sync += target.eq(core.memory.data)
        m.d.sync += index.eq(index + 1)
        with m.If(index == core.scales):
            m.d.sync += index.eq(0)
            m.next = "ROWS"
            with m.If(core.attending):
                m.next = "SCORES"
    with m.State("ROWS"):
        core.read_tape(m)
        ends = core.place == core.words_last
        m.d.comb += [core.reads.eq(1), core.first.eq(core.place == 0), core.last.eq(ends)]
        m.d.comb += core.acts.addr.eq(core.place)
        m.d.sync += core.place.eq(Mux(ends, 0, core.place + 1))
        with m.If(ends):
            m.d.sync += core.rows_left.eq(core.rows_left - 1)
            with m.If(core.rows_left == 0):
                m.next = "DRAIN"
    with m.State("DRAIN"):  # from the last word to the last result
        m.d.sync += index.eq(index + 1)
        with m.If(index == DRAIN - 1):
            core.finish(m)
