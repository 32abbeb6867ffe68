# SPDX-License-Identifier: BSD-2-Clause
"""Rotary positions, then attention over the cache: head by head, scores, a softmax, sums of values."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib.memory import Memory

from gatewright.hw.accel.lm_core.rows import clip
from gatewright.hw.accel.lm_core.shape import ACT_BITS, SHIFT_MIN, WIDE_BITS
from gatewright.hw.accel.lm_serial.tape import Step
from gatewright.hw.accel.lm_serial.timing import SCORED, VALUED


def build(m: Module, core: Any) -> None:
    """Make the memories, counters and sums of attention."""
    config = core.config
    words, table = config.head_dim // 2, config.attention.softmax.plan.falling
    bits = config.score_word_bits
    m.submodules.scores = memory = Memory(shape=bits, depth=config.context, init=[])
    core.score, core.put_score = memory.read_port(), memory.write_port()
    half = max(len(table.high), len(table.low))
    factors = [*table.high, *[0] * (half - len(table.high)), *table.low]
    m.submodules.factors = rom = Memory(shape=max(factors).bit_length(), depth=2 * half, init=factors)
    core.factor = rom.read_port()
    m.d.comb += [core.score.en.eq(0), core.factor.en.eq(0)]
    core.part = Signal(range(words))  # word of a head's row
    core.token = Signal(range(config.context))
    core.head, core.member = Signal(range(config.heads)), Signal(range(config.attention.share))
    core.shelves = 2 * config.layers * config.kv_heads
    core.shelf = Signal(range(core.shelves + 1))  # of the cache: a head's keys, or values, in a layer
    core.keys = Signal(range(core.shelves + 1))
    core.weighs = Signal()  # values meet probabilities, else keys queries
    core.greatest = Signal(signed(config.score_bits))
    core.sum = Signal(config.attention.softmax.plan.sum_bits)
    m.d.comb += core.attending.eq(core.step == Step.ATTEND)
    _products(m, core)


def _products(m: Module, core: Any) -> None:
    """Multiply both octets of a word; add up behind."""
    config, alu = core.config, core.alu
    attention = config.attention
    weight = core.score.data[: config.probability_bits]
    sums = []
    for lane in range(2):
        cached = core.memory.data.word_select(lane, ACT_BITS).as_signed()
        query = core.scratch.data.word_select(lane, ACT_BITS).as_signed()
        factor = Signal(signed(max(ACT_BITS, config.probability_bits + 1)), name=f"factor_{lane}")
        product = Signal(signed(attention.product_bits + 1), name=f"product_{lane}", reset_less=True)
        total = Signal(signed(max(attention.sum_bits, attention.dot_bits)), name=f"sum_{lane}")
        m.d.comb += factor.eq(Mux(core.weighs, weight, query))
        with m.If(core.shown & core.attending):
            m.d.sync += product.eq(cached * factor)
        with m.If(core.summed & core.attending):
            m.d.sync += total.eq(Mux(core.summed_first, 0, total) + product)
        sums.append(total)
    second = Signal()
    m.d.sync += second.eq(core.scaled & core.attending & core.weighs)
    with m.If(core.moves & core.attending & core.weighs):
        m.d.comb += alu.multiply(sums[1], core.multipliers[1], SHIFT_MIN + core.codes[1], True)
    with m.If(core.whole & core.attending):
        with m.If(core.weighs):
            m.d.comb += alu.multiply(sums[0], core.multipliers[1], SHIFT_MIN + core.codes[1], True)
        with m.Else():
            m.d.comb += alu.multiply(sums[0] + sums[1], core.multipliers[0], SHIFT_MIN + core.codes[0], True)
    wide = alu.clipped(WIDE_BITS)
    target = config.y_first + Cat(Const(0, 1), core.part, core.head)
    with m.If(core.scaled & core.attending):
        with m.If(core.weighs):
            core.write_scratch(m, target, wide)
        with m.Else():
            _keep_score(m, core)
    with m.If(second):
        core.write_scratch(m, target | 1, wide)


def _keep_score(m: Module, core: Any) -> None:
    """Write a score, and note the greatest."""
    found = Signal(signed(core.config.score_bits))
    m.d.comb += [
        found.eq(core.alu.clipped(core.config.score_bits)), core.put_score.en.eq(1),
        core.put_score.addr.eq(core.into), core.put_score.data.eq(found.as_unsigned()),
    ]  # fmt: skip
    m.d.sync += core.into.eq(core.into + 1)
    with m.If((core.into == 0) | (found > core.greatest)):
        m.d.sync += core.greatest.eq(found)


def cache_address(core: Any, part: Any, token: Any, shelf: Any) -> Any:
    """Give the address of a word of a key or value."""
    return core.config.memory.first + Cat(part, token, shelf)


def rotate_states(m: Module, core: Any) -> None:
    """Add the states that turn queries and keys and put keys and values into the cache, a pair at a time."""
    config, alu, index = core.config, core.alu, core.index
    part = index[: (config.head_dim // 2 - 1).bit_length()]
    a, b = Signal(signed(WIDE_BITS), reset_less=True), core.scratch.data.as_signed()
    cosine, sine = Signal(signed(16), reset_less=True), core.memory.data.as_signed()
    lower = Signal(ACT_BITS, reset_less=True)
    queries, turned = index < config.mixed // 2, index < (config.mixed + config.cached) // 2
    table = config.segments["rope"].first
    shift = config.rope_shift_right
    with m.State("PAIR"):
        core.read_scratch(m, config.y_first + Cat(Const(0, 1), index))
        core.read_memory(m, table + Cat(Const(0, 1), part, core.host.position))
        m.next = "COSINE"
    with m.State("COSINE"):
        core.read_scratch(m, config.y_first + Cat(Const(1, 1), index))
        core.read_memory(m, table + Cat(Const(1, 1), part, core.host.position))
        m.d.sync += [a.eq(b), cosine.eq(sine)]
        m.d.comb += alu.multiply(b, sine, shift, True)
        m.next = "LOWER"
    with m.State("LOWER"):
        m.d.comb += [*alu.multiply(b, -sine, shift, True), alu.keep.eq(1)]
        m.next = "SINE"
    with m.State("SINE"):
        m.d.comb += alu.multiply(a, sine, shift, True)
        m.next = "UPPER"
    with m.State("UPPER"):
        m.d.sync += lower.eq(Mux(turned, alu.clipped(ACT_BITS), clip(a, ACT_BITS)))
        m.d.comb += [*alu.multiply(b, cosine, shift, True), alu.keep.eq(1)]
        m.next = "TURNED"
    with m.State("TURNED"):
        m.next = "STORE"
    with m.State("STORE"):
        word = Cat(lower, Mux(turned, alu.clipped(ACT_BITS), clip(b, ACT_BITS)).as_unsigned()[:ACT_BITS])
        with m.If(queries):
            core.write_scratch(m, config.q_first + index, word)
        with m.Else():
            core.write_memory(m, cache_address(core, part, core.host.position, core.shelf), word)
            with m.If(part == config.head_dim // 2 - 1):
                m.d.sync += core.shelf.eq(core.shelf + 1)
        m.d.sync += index.eq(index + 1)
        m.next = "PAIR"
        with m.If(index == (config.mixed + 2 * config.cached) // 2 - 1):
            core.finish(m)


def begin(m: Module, core: Any) -> None:
    """Begin with the first head; its layer's keys lie behind those of the layers before."""
    m.d.sync += [
        core.index.eq(0), core.head.eq(0), core.member.eq(0), core.token.eq(0), core.part.eq(0), core.weighs.eq(0),
        core.into.eq(0), core.keys.eq(core.shelf - 2 * core.config.kv_heads),
    ]  # fmt: skip


def states(m: Module, core: Any) -> None:
    """Add the states of a head: scores, exponentials, reciprocal, probabilities, sums of values."""
    config, index = core.config, core.index
    final = core.token == core.host.position
    ends = core.part == config.head_dim // 2 - 1
    with m.State("SCORES"):
        core.read_memory(m, cache_address(core, core.part, core.token, core.keys))
        core.read_scratch(m, config.q_first + Cat(core.part, core.head))
        m.d.comb += [core.reads.eq(1), core.first.eq(core.part == 0), core.last.eq(ends)]
        m.d.sync += core.part.eq(core.part + 1)
        with m.If(ends):
            m.d.sync += core.token.eq(core.token + 1)
            with m.If(final):
                m.d.sync += core.token.eq(0)
                m.next = "SCORED"
    with m.State("SCORED"):
        m.d.sync += [index.eq(index + 1), core.sum.eq(0)]
        with m.If(index == SCORED - 1):
            m.next = "LOOK"
    _exponentials(m, core, final)
    with m.State("VALUES"):
        core.read_memory(m, cache_address(core, core.part, core.token, core.keys + config.kv_heads))
        core.read_score(m, core.token)
        m.d.comb += [core.reads.eq(1), core.first.eq(core.token == 0), core.last.eq(final)]
        m.d.sync += [core.token.eq(core.token + 1), index.eq(0)]
        with m.If(final):
            m.d.sync += core.token.eq(0)
            m.next = "VALUED"
    with m.State("VALUED"):
        m.d.sync += index.eq(index + 1)
        with m.If(index == VALUED - 1):
            m.d.sync += core.part.eq(core.part + 1)
            m.next = "VALUES"
            with m.If(ends):
                _next_head(m, core)


def _next_head(m: Module, core: Any) -> None:
    config = core.config
    m.d.sync += [core.head.eq(core.head + 1), core.member.eq(core.member + 1), core.weighs.eq(0), core.index.eq(0)]
    m.d.sync += core.into.eq(0)
    with m.If(core.member == config.attention.share - 1):
        m.d.sync += [core.member.eq(0), core.keys.eq(core.keys + 1)]
    m.next = "SCORES"
    with m.If(core.head == config.heads - 1):
        m.d.sync += core.head.eq(0)
        core.finish(m)


def _exponentials(m: Module, core: Any, final: Any) -> None:
    """Add the states that find exponentials, of two factors each, and their sum."""
    config, alu = core.config, core.alu
    plan = config.attention.softmax.plan
    table = plan.falling
    below = Signal(config.score_bits)
    high = Signal(core.factor.data.shape(), reset_less=True)
    m.d.comb += below.eq(core.greatest - core.score.data[: config.score_bits].as_signed())
    split, width = table.low_bits, len(core.factor.addr) - 1
    step = Mux(final, 0, core.token + 1)
    with m.State("LOOK"):
        core.read_score(m, core.token)
        m.next = "HIGH"
    with m.State("HIGH"):
        m.d.comb += [core.factor.addr.eq(below[split:]), core.factor.en.eq(1)]
        m.next = "LOW"
    with m.State("LOW"):
        m.d.comb += [core.factor.addr.eq(Cat(below[:split], Const(0, width - split), 1)), core.factor.en.eq(1)]
        m.d.sync += high.eq(core.factor.data)
        m.next = "MEET"
    with m.State("MEET"):
        m.d.comb += alu.multiply(high, core.factor.data, config.exp_shift, False)
        m.next = "MET"
    with m.State("MET"):
        m.next = "KEEP"
    with m.State("KEEP"):
        m.d.comb += [core.put_score.en.eq(1), core.put_score.addr.eq(core.token), core.put_score.data.eq(alu.result)]
        m.d.sync += [core.sum.eq(core.sum + alu.result), core.token.eq(step), core.index.eq(0)]
        core.read_score(m, step)
        m.next = "HIGH"
        with m.If(final):
            m.next = "INVERT"
    with m.State("INVERT"):
        m.d.sync += core.divider.begin(1 << plan.fraction_bits, core.sum)
        m.next = "DIVIDE"
    _probabilities(m, core, final, step)


def _probabilities(m: Module, core: Any, final: Any, step: Any) -> None:
    """Add the states that turn exponentials into probabilities by their sum's reciprocal."""
    config, alu, plan = core.config, core.alu, core.config.attention.softmax.plan
    with m.State("WEIGH"):
        core.read_score(m, core.token)
        m.next = "SPREAD"
    with m.State("SPREAD"):
        kept = core.score.data >> (plan.fraction_bits - plan.kept_bits)
        m.d.comb += alu.multiply(kept, core.divider.quotient, config.probability_shift, True)
        m.next = "SPREADS"
    with m.State("SPREADS"):
        m.next = "PLACE"
    with m.State("PLACE"):
        most = (1 << config.probability_bits) - 1
        m.d.comb += [core.put_score.en.eq(1), core.put_score.addr.eq(core.token)]
        m.d.comb += core.put_score.data.eq(Mux(alu.result > most, most, alu.result))
        m.d.sync += core.token.eq(step)
        core.read_score(m, step)
        m.next = "SPREAD"
        with m.If(final):
            m.d.sync += [core.weighs.eq(1), core.part.eq(0)]
            m.next = "VALUES"
