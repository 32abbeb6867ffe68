# SPDX-License-Identifier: BSD-2-Clause
"""Proofs that no sum of the ternary engine overflows, on its own RTL.

By induction over clock cycles, with assertions put into the elaborated design itself:

- *Sums*, at the stated size. At every adder: what it gives is the untruncated sum of its operands. At
  every register of the trees: it lies in the interval of the terms that it stands for. The step over
  blocks: if a kept sum of ``b < blocks_max`` blocks is at most ``b`` times a block's greatest sum, the
  next one is at most ``b + 1`` times that, and loses nothing.
- *Walk*, of one group, since groups have equal ones. Accumulators hold exactly the sums that the steps
  so far should give, so that every entry written lies in the interval that the trees rely on.
  Bit planes' walk is left to simulation: its proof takes too long.

Taken for granted there: a table gives back what was written or the zeros it starts with, a kept sum
is one of fewer than ``blocks_max`` blocks. Simulation holds those to the golden model. One whole vector of
the least engine is played here as well, for all activations and codes, against wide sums.
"""

from itertools import product
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Cat, Const, Elaboratable, Instance, Module, Signal, Value, signed
from amaranth.lib import data

from gatewright.hw.core.errors import ToolError
from gatewright.hw.ternary.tlmm import component, tables, terms, tree
from gatewright.hw.ternary.tlmm.codes import decode
from gatewright.hw.ternary.tlmm.component import Tlmm
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.truth import look_up
from gatewright.tb.tools import run_yosys

PROVE = """
read_rtlil proof.il
hierarchy -top top
proc -norom
flatten
opt_clean
{memories}
opt -full
chformal -lower
dffunmap
sat -tempinduct {only} -prove-asserts -set-assumes -maxsteps {steps} -verify top
"""
FREE = "memory_collect\ncutpoint t:$mem_v2"  # memories may give back anything that assumptions allow
ADD, HOLD, ACCUMULATE, LOOKUP = tree.add, tree.hold, tree.accumulate, tables.Tables._lookup


def prove(folder, design, ports, *, memories=FREE, only="", steps=1):
    text = rtlil.convert(design, name="top", ports=ports, emit_src=False).replace(r"cell \$any", "cell $any")
    (folder / "proof.il").write_text(text)
    try:
        run_yosys(PROVE.format(memories=memories, only=only, steps=steps), folder)
    finally:
        log = (folder / "yosys.log").read_text()
    return log


def ports_of(engine: Tlmm) -> list[Value]:
    driven = [signal for port in (engine.i_x, engine.i_w) for signal in (port.payload, port.valid)]
    return [Value.cast(signal) for signal in (*driven, engine.o.ready)]


def within(value: Value, low: int, high: int) -> Value:
    return (value >= low) & (value <= high)


def dot(weights: list[int], x: Any) -> Value:
    """Give a sum that has all the bits it needs."""
    total: Value = Const(0, signed(2))
    for value, weight in zip(x, weights, strict=True):
        total = total + value if weight > 0 else total - value if weight else total
    return total


def fit(config: TlmmConfig, word: Value) -> Value:
    """Tell whether a word's entries lie in the interval of a table's sums."""
    most, bits = config.group << (config.act_bits - 1), config.entry_bits
    entries = [word[at : at + bits].as_signed() for at in range(0, len(word), bits)]
    return Cat(within(entry, -most, most - (config.method != "full")) for entry in entries).all()


class CheckedSums(Tlmm):
    """The engine with assertions at each adder and register of its trees; ``blocks`` is the b of the step."""

    def __init__(self, config: TlmmConfig, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(config)
        self.found: list[Any] = []
        self.sums = 0
        self.blocks = Signal(range(config.blocks_max + 1))
        for module in (tree, terms):
            monkeypatch.setattr(module, "add", self.add)
        for module in (tree, terms, component):
            monkeypatch.setattr(module, "hold", self.hold)
        monkeypatch.setattr(component, "accumulate", self.accumulate)

        def lookup(inner, *rest):
            return self.read(inner, *rest)

        monkeypatch.setattr(tables.Tables, "_lookup", lookup)

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.found
        return m

    def most(self, terms: int) -> int:
        return terms << (self.config.act_bits - 1)

    def exact(self, total: Value, *operands: Value | None) -> None:
        """Nothing is lost: sums grow as they need while an expression is built."""
        self.found.append(Assert(total == sum(operand for operand in operands if operand is not None)))
        self.sums += 1

    def bound(self, part: tree.Part) -> None:
        most = self.most(part.terms)
        self.found += [Assert(within(value, -most, most - (part.carry is not None))) for value in part.values]

    def add(self, config, left, right):
        total = ADD(config, left, right)
        for a, b, c in zip(left.values, right.values, total.values, strict=True):
            self.exact(c, a, b, left.carry)
        return total

    def hold(self, pipe, part, name, cycles=1):
        for _ in range(cycles):
            part = HOLD(pipe, part, name)
            self.bound(part)
        return part

    def accumulate(self, config, kept, root):
        most = self.most(config.block)
        limit = self.blocks * most
        self.bound(root)
        self.found.append(Assume(self.blocks < config.blocks_max))
        totals = ACCUMULATE(config, kept, root)
        for earlier, value, total in zip(kept, root.values, totals, strict=True):
            self.exact(total, earlier, value, root.carry)
            self.found.append(Assume((earlier >= -limit) & (earlier <= limit)))
            self.found.append(Assert((total >= -limit - most) & (total <= limit + most)))
        return totals

    def read(self, inner, group, address, name):
        values = LOOKUP(inner, group, address, name)
        if self.config.storage == "registers":
            self.found.append(Assume(~inner.walker.write | fit(self.config, inner.walker.entries[group])))
            self.found += [Assert(fit(self.config, word)) for word in inner._shared[group]]
        else:
            (port,) = getattr(inner.m.submodules, f"{name}_table").read_ports
            self.found.append(Assume(fit(self.config, port.data)))
        self.found += [Assert(fit(self.config, value)) for value in values]
        return values


class CheckedWalk(Tlmm):
    """The engine with assertions at the accumulators that make the tables' entries."""

    def _tables(self, m, pipe):
        found, beat = super()._tables(m, pipe)
        self.walker = found.walker
        return found, beat

    def elaborate(self, platform):
        m = super().elaborate(platform)
        config, walker, port = self.config, self.walker, self.i_x
        last = len(config.walk) + 1
        # Activations stay until they are taken.
        waiting, before = Signal(), Signal(data.ArrayLayout(config.act_bits, config.vectors * config.block))
        m.d.sync += [waiting.eq(port.valid & ~port.ready), before.eq(port.payload.x)]
        m.d.comb += [
            Assume(~waiting | (port.valid & (port.payload.x.as_value() == before.as_value()))),
            Assert((walker.number == 0) | port.valid),
            Assert((walker.number != 0) | ~(walker.negate | walker.direct)),
            Assert(walker.number <= last),
        ]
        for group, vector in product(range(config.groups), range(config.vectors)):
            x, term = port.payload.x[vector][group], walker.terms[group][vector]
            held = walker.entries[group].word_select(vector, config.entry_bits).as_signed()
            weights = [0] * config.group
            m.d.comb += Assert((walker.number != 0) | ((held == 0) & (term == 0)))
            for number, step in enumerate(config.walk, 1):
                lone = config.method != "full" and step.element == 0
                added = x[step.element] * (1 + step.double)
                expected = [
                    held == dot(weights, x), walker.direct == lone, walker.negate == step.negate,
                    term == (0 if lone else ~added if step.negate else added),
                ]  # fmt: skip
                m.d.comb += [Assert((walker.number != number) | fact) for fact in expected]
                weights[step.element] += (-1 if step.negate else 1) * (1 + step.double)
            m.d.comb += [
                Assert((walker.number != last) | (held == dot(weights, x))),
                Assert(~walker.write | fit(config, held)),
            ]
        return m


class Play(Elaboratable):
    """A vector of the most blocks, a beat of weights each, whatever the activations and codes; nothing stalls."""

    def __init__(self, config: TlmmConfig) -> None:
        self.config = config

    def elaborate(self, platform):
        m, config = Module(), self.config
        m.submodules.engine = engine = Tlmm(config)
        ports = (engine.i_x, engine.i_w)
        words = [self._stream(m, port, len(Value.cast(port.payload)) - 1) for port in ports]
        trits = decode(config, np.arange(1 << config.code_bits)) & 3
        table = (trits << 2 * np.arange(config.group)).sum(axis=1).tolist()
        clock, seen = Signal(range(self.steps() + 1)), Signal()
        m.d.sync += [clock.eq(clock + 1), seen.eq(seen | engine.o.valid)]
        m.d.comb += [engine.o.ready.eq(1), Assert((clock != self.steps() - 1) | seen)]
        for vector, output in product(range(config.vectors), range(config.outputs_per_cycle)):
            total: Value = Const(0, signed(2))
            for x, code in zip(*words, strict=True):
                total = total + sum(self._group(x, code, table, vector, output, at) for at in range(config.groups))
            wide = Signal(signed(config.acc_bits + 4), name=f"wide_{vector}_{output}")
            m.d.comb += [wide.eq(total), Assert(~engine.o.valid | (engine.o.payload.y[vector][output] == wide))]
        return m

    def _group(self, x: Value, code: Value, table: list[int], vector: int, output: int, group: int) -> Value:
        """Sum up a group; nothing is cut off."""
        config, total = self.config, Const(0, signed(2))
        weights = look_up(table, 2 * config.group, code.word_select(output * config.groups + group, config.code_bits))
        for place in range(config.group):
            at = (vector * config.groups + group) * config.group + place
            mask, flip = (weights[2 * place + bit].replicate(config.act_bits).as_signed() for bit in (0, 1))
            value = x.word_select(at, config.act_bits).as_signed()
            total = total + ((value & mask) ^ flip) + weights[2 * place + 1]
        return total

    def _stream(self, m: Module, port: Any, bits: int) -> list[Signal]:
        """Send any words, the last one marked; weights mark each."""
        blocks = self.config.blocks_max
        words = [Signal(bits, name=f"{port.payload.shape().size}_{block}") for block in range(blocks)]
        for word in words:
            m.submodules += Instance("$anyconst", p_WIDTH=bits, o_Y=word)
        sent = Signal(range(blocks + 1))
        m.d.comb += port.valid.eq(sent != blocks)
        with m.Switch(sent):
            for block, word in enumerate(words):
                with m.Case(block):
                    last = hasattr(port.payload, "code") or block == blocks - 1
                    m.d.comb += Value.cast(port.payload).eq(word | int(last) << bits)
        with m.If(port.valid & port.ready):
            m.d.sync += sent.eq(sent + 1)
        return words

    def steps(self) -> int:
        """Cycles up to the first sums, and one more."""
        ends = np.eye(self.config.blocks_max, dtype=int)[-1]
        build = (
            self.config.way + self.config.writes if self.config.has_tables else 0
        )  # activations are taken at its end
        return build + self.config.cycles({"i_x": {"last": ends}, "i_w": {"last": np.ones_like(ends)}}) + 2


STATED = [
    {"method": "half", "groups": 28, "blocks_max": 1024},
    {"method": "half", "group": 5, "groups": 5, "blocks_max": 64, "storage": "block", "vectors": 2},
    {"method": "half", "group": 2, "groups": 6, "blocks_max": 64, "storage": "registers", "overlap": True},
    {"method": "full", "groups": 28, "blocks_max": 1024},
    {"method": "bitplane", "group": 4, "groups": 8, "blocks_max": 1024},
    {"method": "fold", "group": 6, "groups": 4, "blocks_max": 1024},
    {"method": "select", "groups": 16, "blocks_max": 1024},
]
WALKS = [
    {"method": "half", "group": 3},
    {"method": "half", "group": 2, "vectors": 2, "act_bits": 4, "overlap": True},
    {"method": "full", "group": 2},
    pytest.param({"method": "full", "group": 3, "act_bits": 4}, marks=pytest.mark.slow),
]
SMALL = {"method": "select", "group": 1, "groups": 1, "outputs_per_cycle": 1, "sweep_max": 1, "act_bits": 4}
PLAYS = [{**SMALL, "blocks_max": 2}]


def label(values):
    return " ".join(str(value) for value in values.values())


def sums(values, monkeypatch):
    return CheckedSums(TlmmConfig(**{"outputs_per_cycle": 1, "sweep_max": 2, **values}), monkeypatch)


def prove_sums(engine, folder):
    assert "Induction step proven: SUCCESS!" in prove(folder, engine, [*ports_of(engine), engine.blocks])


@pytest.mark.parametrize("values", STATED, ids=label)
def test_no_adder_loses_a_bit_at_the_stated_size(values, tmp_path, monkeypatch):
    engine = sums(values, monkeypatch)
    prove_sums(engine, tmp_path)
    config = engine.config
    chains = config.groups * (config.group - 1) if config.method == "fold" else 0
    assert engine.sums == config.vectors * (config.leaves - 1 + chains + 1)  # none was left out


@pytest.mark.parametrize("values", WALKS, ids=label)
def test_every_entry_is_the_sum_that_it_stands_for(values, tmp_path):
    config = TlmmConfig(groups=1, outputs_per_cycle=1, blocks_max=1, **values)
    engine = CheckedWalk(config)
    assert "Induction step proven: SUCCESS!" in prove(tmp_path, engine, ports_of(engine))


@pytest.mark.parametrize("values", PLAYS, ids=label)
def test_whole_vectors_equal_wide_sums(values, tmp_path):
    play = Play(TlmmConfig(**values))
    log = prove(tmp_path, play, [], memories="memory_map", only="-tempinduct-baseonly", steps=play.steps())
    assert "Base case for induction length" in log


def one_bit_short(monkeypatch, width, terms):
    """Plant a fault: sums of so many terms get a bit less than they need."""
    real = getattr(TlmmConfig, width)
    monkeypatch.setattr(TlmmConfig, width, lambda config, count: real(config, count) - (count == terms))


@pytest.mark.parametrize(
    ("width", "method", "terms"),
    [("part_bits", "half", 6), ("part_bits", "half", 12), ("sum_bits", "full", 12), ("sum_bits", "half", 12 * 64),
     ("part_bits", "fold", 2)],
)  # fmt: skip
def test_a_width_one_bit_short_is_refuted(width, method, terms, tmp_path, monkeypatch):
    one_bit_short(monkeypatch, width, terms)
    values = {"groups": 4, "blocks_max": 64, "storage": "registers" if method == "half" else "block"}
    with pytest.raises(ToolError):
        prove_sums(sums({"method": method, **values}, monkeypatch), tmp_path)
    assert "proof did fail" in (tmp_path / "yosys.log").read_text()


def test_a_narrow_entry_is_refuted(tmp_path, monkeypatch):
    one_bit_short(monkeypatch, "part_bits", 2)
    engine = CheckedWalk(TlmmConfig(group=2, groups=1, outputs_per_cycle=1, blocks_max=1, act_bits=4))
    with pytest.raises(ToolError):
        prove(tmp_path, engine, ports_of(engine))
    assert "proof did fail" in (tmp_path / "yosys.log").read_text()


def test_a_whole_vector_shows_a_width_one_bit_short(tmp_path, monkeypatch):
    one_bit_short(monkeypatch, "sum_bits", 2)
    play = Play(TlmmConfig(**PLAYS[0]))
    with pytest.raises(ToolError):
        prove(tmp_path, play, [], memories="memory_map", only="-tempinduct-baseonly", steps=play.steps())
    assert "model found for base case: FAIL!" in (tmp_path / "yosys.log").read_text()
