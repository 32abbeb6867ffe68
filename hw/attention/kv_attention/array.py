# SPDX-License-Identifier: BSD-2-Clause
"""The array: keys or values meet what each head has for them, queries or probabilities; sums either way."""

from dataclasses import dataclass, field
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.core.pipe import Pipe
from gatewright.hw.mac.multiplier import add_with_carry, multiply_recoded, recode


@dataclass(frozen=True)
class Term:
    """A number, less the ones that are still to be added to it."""

    value: Value
    carries: list[Value] = field(default_factory=list)


class Array:
    """Multipliers and their registers, which never stop.

    Attributes
    ----------
    key, value : list of Value
        Whether a stage of the pipeline has work of either kind; stage 0 is the walk's own.
    last, slot : list of Value
        Likewise, whether it is the walk's last, and its slot.
    dots : list of Value
        Scores, column after column, exact; stage `dot_stage`.
    hidden : Value
        How many tokens, of a job or of a word, have no part in a word's scores; it comes with them, requantised.
    sums : list of Term
        What results grow by, by column and element; stage `sum_stage`.
    """

    def __init__(self, m: Module, config: KvAttentionConfig) -> None:
        self.m, self.config = m, config
        self.pipe = Pipe(m)
        m.d.comb += self.pipe.enable.eq(1)

    def mark(self, value: Value, stages: int, name: str, reset: bool = True) -> list[Value]:
        """Delay a bit, stage by stage."""
        found = [value]
        for stage in range(stages):
            register = Signal(name=f"{name}_{stage + 1}", reset_less=not reset)
            self.m.d.sync += register.eq(found[-1])
            found.append(register)
        return found

    def build(self, walk: Any, cache: list[Memory], queries: list[Memory], probabilities: list[list[Value]]) -> None:
        """Build memories' ports, operands, products and adders; ``probabilities`` of columns count in stage 2."""
        m, config, pipe = self.m, self.config, self.pipe
        self.key = self.mark(walk.running & ~walk.value, config.dot_stage, "key")
        self.value = self.mark(walk.running & walk.value, config.sum_stage, "value")
        self.last = self.mark(walk.last, max(config.dot_stage, config.sum_stage), "last", False)
        self.slot = self.mark(walk.slot, config.dot_stage, "slot", False)
        self.hidden = pipe(walk.hidden, "hidden", config.score_delay)

        word = pipe(Cat(self._read(memory, "sync", walk.address) for memory in cache), "word")
        at = pipe(walk.queries, "queries_at", 2)
        held = Cat(self._read(memory, "comb", at) for memory in queries)

        # Token after token, element after element.
        places = range(config.tokens * config.head_dim)
        kept = [word.word_select(place, config.act_bits).as_signed() for place in places]
        plain = [pipe(element, "kept") for element in kept]
        shared = -(-config.logic_products // config.columns)  # all columns share an element's digits
        digits = [[pipe(digit, "digit") for digit in recode(m, element)] for element in kept[:shared]]
        products = []
        for column in range(config.columns):
            terms = []
            for place, element in enumerate(plain):
                token, lane = divmod(place, config.head_dim)
                query = held.word_select(column * config.head_dim + lane, config.act_bits).as_signed()
                weight = Signal(signed(config.weight_bits), name=f"weight_{column}_{place}", reset_less=True)
                m.d.sync += weight.eq(Mux(self.value[2], Cat(probabilities[column][token], 0).as_signed(), query))
                if place * config.columns + column < config.logic_products:
                    terms.append(self._logic(weight, digits[place]))
                else:
                    terms.append(Term(self._product(weight * element)))
            products.append(terms)
        self._add_up(products)

    def _add_up(self, products: list[list[Term]]) -> None:
        """Add the products of a token, and those of an element."""
        config, narrow = self.config, 2 * self.config.act_bits
        self.dots, self.sums = [], []
        for terms in products:
            for token in range(config.tokens):
                row = terms[token * config.head_dim : (token + 1) * config.head_dim]
                dot = self._tree([Term(term.value[:narrow].as_signed(), term.carries) for term in row], 0)
                self.dots.append(dot.value)
            self.sums += [self._tree(terms[lane :: config.head_dim], 1) for lane in range(config.head_dim)]

    def _read(self, memory: Memory, domain: str, address: Value) -> Value:
        port = memory.read_port(domain=domain)
        self.m.d.comb += port.addr.eq(address)
        return port.data

    def _product(self, value: Value) -> Value:
        register = Signal(signed(self.config.product_bits), name="product", reset_less=True)
        self.m.d.sync += register.eq(value)
        return register

    def _logic(self, weight: Value, digits: list[Value]) -> Term:
        config = self.config
        shape = (config.weight_bits + config.act_bits, True)
        partial, carry = multiply_recoded(self.m, digits, weight, shape)
        return Term(self._product(partial), [self.pipe(carry, "carry")])

    def _tree(self, terms: list[Term], spare: int) -> Term:
        """Add up, registers behind every second level and the last; each adder takes one of the ones still to add.

        The caller takes ``spare`` of them.
        """
        pipe, level = self.pipe, 0
        if not spare and all(term.carries for term in terms):  # there is an adder less than terms
            terms = [Term(add_with_carry(terms[0].value, Const(0, 1), terms[0].carries[0])), *terms[1:]]
        while len(terms) > 1:
            pairs = [self._add(a, b) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = [*pairs, *terms[2 * len(pairs) :]]
            level += 1
            if level % 2 == 0 or len(terms) == 1:
                terms = [Term(pipe(t.value, "sum"), [pipe(c, "carry") for c in t.carries]) for t in terms]
        assert len(terms[0].carries) <= spare
        return terms[0]

    @staticmethod
    def _add(a: Term, b: Term) -> Term:
        carries = a.carries + b.carries
        if not carries:
            return Term(a.value + b.value)
        return Term(add_with_carry(a.value, b.value, carries[0]), carries[1:])
