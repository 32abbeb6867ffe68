# SPDX-License-Identifier: BSD-2-Clause
"""A norm: sum of squares, its root digit by digit, a quotient digit by digit, then two products an element."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, signed

from gatewright.hw.accel.lm_core.shape import ACT_BITS
from gatewright.hw.accel.lm_serial.tape import WORD_TRITS, Step


class Divider:
    """Digits of a root or of a quotient, one a cycle.

    Attributes
    ----------
    rest, quotient : Signal
        Both shift left.
    divisor : Signal
        Of quotients.
    """

    def __init__(self, m: Module, config: Any) -> None:
        plan, norm = config.attention.softmax.plan, config.norms[0]
        width = max(plan.sum_bits, norm.root_bits + 2)
        self.rest, self.divisor = Signal(width + 1), Signal(width)
        self.quotient = Signal(max(plan.quotient_bits + 1, norm.scale_bits))
        self.fits, self.less = Signal(), Signal(width + 2)
        self.trial = Signal(width + 1)  # what the rest is held against: the divisor, unless a root is drawn
        self.reach = Signal(width + 1)
        m.d.comb += [
            self.trial.eq(self.divisor), self.reach.eq(self.rest),
            self.less.eq(self.reach - self.trial), self.fits.eq(~self.less[-1]),
        ]  # fmt: skip
        self.left = Signal(width + 1)
        m.d.comb += self.left.eq(Mux(self.fits, self.less, self.reach))

    def begin(self, rest: Any, divisor: Any) -> list[Any]:
        """Give the assignments that begin a quotient."""
        return [self.rest.eq(rest), self.divisor.eq(divisor), self.quotient.eq(0)]

    def digit(self) -> list[Any]:
        """Give the assignments of a quotient's next digit."""
        return [self.quotient.eq(Cat(self.fits, self.quotient)), self.rest.eq(self.left << 1)]


def build(m: Module, core: Any) -> None:
    """Make the norm's registers, and write activations when they come."""
    config = core.config
    plans = config.norms
    core.divider = Divider(m, config)
    core.kind = Signal(range(3))  # of rows: residual, a mixer's, inner
    core.source, core.elements = Signal(range(config.scratch_words)), Signal(range(config.scratch_words))
    with m.Switch(core.step):
        for step, kind in ((Step.MIXER_NORM, 1), (Step.FFN_NORM, 2)):
            with m.Case(step):
                m.d.comb += [core.kind.eq(kind), core.source.eq(config.y_first)]
    m.d.comb += core.elements.eq(Array(plan.elements - 1 for plan in plans)[core.kind])
    core.zeros = Signal(range(config.pairs + 1))
    core.extra, core.norm_shift = Signal(2, reset_less=True), Signal(5, reset_less=True)
    core.squaring, core.gains, core.puts = Signal(), Signal(), Signal()
    core.unit = Signal(signed(max(plan.unit_bits for plan in plans)), reset_less=True)
    core.lane, core.word = Signal(range(WORD_TRITS)), Signal(range(config.act_words))
    core.less_sum = Signal(signed(config.logit_bits))  # the activations' sum, negative
    found = core.alu.clipped(ACT_BITS)
    put = core.put_act
    m.d.comb += [
        put.addr.eq(core.word), put.data.eq(found.as_unsigned().replicate(WORD_TRITS)),
        put.en.eq(Mux(core.puts, 1 << core.lane, 0)),
    ]  # fmt: skip
    m.d.sync += [core.gains.eq(0), core.puts.eq(core.gains)]
    with m.If(core.puts):
        m.d.sync += [core.lane.eq(core.lane + 1), core.less_sum.eq(core.less_sum - found)]
        with m.If(core.lane == WORD_TRITS - 1):
            m.d.sync += [core.lane.eq(0), core.word.eq(core.word + 1)]


def begin(m: Module, core: Any) -> None:
    """Begin a row: its epsilon goes into the sum."""
    config, alu = core.config, core.alu
    terms = Array(Const(plan.epsilon, 32) for plan in config.norms)
    m.d.comb += [alu.a.eq(terms[core.kind]), alu.b.eq(1)]
    m.d.sync += [core.index.eq(0), core.zeros.eq(0)]
    m.next = "SQUARES"


def states(m: Module, core: Any) -> None:
    """Add the states from squares to the quotient, which attention uses as well."""
    config, alu, divider, index = core.config, core.alu, core.divider, core.index
    x = core.scratch.data.as_signed()
    with m.State("SQUARES"):
        core.read_scratch(m, core.source + index)
        m.d.comb += alu.keep.eq(1)
        m.d.sync += [index.eq(index + 1), core.squaring.eq(1)]
        with m.If(core.squaring):
            m.d.comb += [alu.a.eq(x), alu.b.eq(x)]
        with m.If(index == core.elements):
            m.next = "SUMMED"
    with m.State("SUMMED"):
        m.d.comb += [alu.a.eq(x), alu.b.eq(x), alu.keep.eq(1)]
        m.d.sync += [core.squaring.eq(0), index.eq(0)]
        m.next = "SETTLE"
    with m.State("SETTLE"):
        m.d.comb += alu.keep.eq(1)
        m.next = "NORMALISE"
    pair = alu.total[2 * config.pairs - 2 : 2 * config.pairs]
    with m.State("NORMALISE"):  # until the topmost pair of bits is not 0
        m.d.comb += [alu.double.eq(pair == 0), alu.keep.eq(1)]
        m.d.sync += [core.zeros.eq(core.zeros + (pair == 0)), index.eq(index + 1), *divider.begin(0, 0)]
        with m.If(index == config.pairs - 1):
            m.d.sync += index.eq(0)
            m.next = "ROOT"
    with m.State("ROOT"):
        m.d.comb += [
            alu.double.eq(1), divider.reach.eq(Cat(pair, divider.rest)),
            divider.trial.eq(Cat(Const(1, 2), divider.quotient)),
        ]  # fmt: skip
        m.d.sync += [
            divider.rest.eq(divider.left), divider.quotient.eq(Cat(divider.fits, divider.quotient)), index.eq(index + 1)
        ]
        with m.If(index == config.norms[0].root_bits - 1):
            m.next = "TURN"
    with m.State("TURN"):
        _turn(m, core)
        m.next = "DIVIDE"
    with m.State("DIVIDE"):
        plan = config.attention.softmax.plan
        last = Mux(core.attending, plan.quotient_bits, config.divide_steps - 1)
        m.d.sync += index.eq(index + 1)
        with m.If(core.attending | (index <= config.norms[0].quotient_bits + core.extra)):
            m.d.sync += divider.digit()
        with m.If(index == last):
            m.d.sync += index.eq(0)
            m.next = "FETCH"
            with m.If(core.attending):
                m.next = "WEIGH"
    _apply(m, core)


def _turn(m: Module, core: Any) -> None:
    """Begin the quotient of a constant over the root, and find where its point lies."""
    config, divider = core.config, core.divider
    plans = config.norms
    exponent = Signal(signed(8))
    ends = Array(Const(p.root_steps - p.root_bits + config.pairs - p.pairs, 8) for p in plans)
    shifts = Array(Const(p.unit_shift, 5) for p in plans)
    numerators = Array(Const(p.numerator, len(divider.rest)) for p in plans)
    m.d.comb += exponent.eq(ends[core.kind] - core.zeros)
    m.d.sync += [
        core.extra.eq(~exponent[:2]), core.norm_shift.eq(shifts[core.kind] + (exponent[2:] << 2)), core.index.eq(0),
        *divider.begin(numerators[core.kind], Cat(Const(1, 1), divider.quotient)),
        core.lane.eq(0), core.word.eq(0), core.less_sum.eq(0),
    ]  # fmt: skip


def _apply(m: Module, core: Any) -> None:
    """Add the states that scale a row's elements and give them their gains."""
    config, alu, index = core.config, core.alu, core.index
    with m.State("FETCH"):
        core.read_scratch(m, core.source)
        m.next = "SCALE"
    with m.State("SCALE"):  # an element; the one before leaves the shifter, and its gain is read
        m.d.comb += alu.multiply(core.scratch.data.as_signed(), core.divider.quotient, core.norm_shift, False)
        m.d.sync += core.unit.eq(alu.result)
        with m.If(index != 0):
            core.read_tape(m)
        m.next = "GAIN"
    with m.State("GAIN"):
        gain = core.memory.data[: config.gain_bits].as_signed()
        m.d.comb += alu.multiply(core.unit, gain, config.norms[0].result_shift, True)
        core.read_scratch(m, core.source + index + 1)
        m.d.sync += [index.eq(index + 1), core.gains.eq(index != 0)]
        m.next = "SCALE"
        with m.If(index == core.elements + 1):
            m.next = "GAINED"
    with m.State("GAINED"):
        m.next = "PUT"
    with m.State("PUT"):
        core.finish(m)
