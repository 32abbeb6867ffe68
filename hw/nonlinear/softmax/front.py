# SPDX-License-Identifier: BSD-2-Clause
"""The room's two ends: what all algorithms do with a beat that enters, and with one that leaves."""

from dataclasses import dataclass
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.elementary.split_exp import SplitExp
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.parts import Flow, RowBuffer, lookup

PART = 18  # bits of an operand that ECP5's multipliers take, unsigned


@dataclass(frozen=True)
class Beat:
    """A beat in the first register.

    Attributes
    ----------
    index : list of Value
        Scores counted from the smallest, 0 where masked.
    keep : list of Value or None
        Whether an element counts; None where all do.
    valid, end : Value
        A beat is there; it is the last of its row.
    """

    index: list[Value]
    keep: list[Value | None]
    valid: Value
    end: Value

    @property
    def kept(self) -> dict[str, Value]:
        """The mask as a field for the row buffer, if there is one."""
        bits = [bit for bit in self.keep if bit is not None]
        return {"keep": Cat(*bits)} if bits else {}


def enter(m: Module, config: SoftmaxConfig, flow: Flow, i: Any) -> Beat:
    """Take a beat into the first register."""
    m.d.comb += i.ready.eq(flow.enable)
    keep = _mask(m, config, i)
    # Counted from the smallest score: two's complement with its sign inverted.
    plain = [Cat(score[:-1], ~score[-1]) for score in i.payload.score]
    index = [flow.clear(value, bit, "index") for value, bit in zip(plain, keep, strict=True)]
    bits = [None if bit is None else flow(bit, "keep") for bit in keep]
    valid = flow.mark(i.valid, "valid")
    return Beat(index, bits, valid, flow.mark(i.valid & i.payload.last, "end"))


def _mask(m: Module, config: SoftmaxConfig, i: Any) -> list[Value | None]:
    match config.mask:
        case "none":
            return [None] * config.lanes
        case "keep":
            return list(i.payload.keep)
    before = Signal(config.limit_bits, name="elements_before")
    with m.If(i.valid & i.ready):
        m.d.sync += before.eq(Mux(i.payload.last, 0, before + config.lanes))
    rest = Signal(config.limit_bits + 1, name="elements_left")
    m.d.comb += rest.eq(i.payload.limit - before)
    return [~rest[-1] & (rest[:-1] > lane) for lane in range(config.lanes)]


def below(flow: Flow, inverse: Value, index: Value) -> Value:
    """Give a maximum less an index, from the maximum's inverse; a register behind it.

    ``~(top - index) == index + ~top``: this way round nothing inverts in front of a carry chain, and
    inverting the result is the affair of the tables that it addresses.
    """
    return ~flow((index + inverse)[: len(inverse)], "above")


def exponential(flow: Flow, table: SplitExp, index: Value, keep: Value | None = None, registers: int = 1) -> Value:
    """Look an exponential up: a register behind the tables, one or two in the product."""
    low = flow(lookup(table.low, index[: table.low_bits]), "low")
    high = flow.clear(lookup(table.high, index[table.low_bits :]), keep, "high")
    product = high * low if registers == 1 else _wide(flow, high, low)
    return flow(product[table.drop : (max(table.high) * max(table.low)).bit_length()], "e")


def _wide(flow: Flow, a: Value, b: Value) -> Value:
    """Multiply; a register behind the products of parts that fit a hard multiplier, in front of their sum."""
    (a_low, a_high), (b_low, b_high) = ((value[:PART], value[PART:]) for value in (a, b))
    low, high = flow(a_low * b_low, "low_product"), flow(a_high * b_high, "high_product")
    crossed = flow(a_low * b_high, "crossed") + flow(a_high * b_low, "crossed")
    return Cat(low, high)[: len(a) + len(b)] + (crossed << PART)


def store(m: Module, config: SoftmaxConfig, beat: Beat) -> RowBuffer:
    """Keep scores for another pass; the caller connects ``push`` and the reading end."""
    part = config.schedule.segments[0]
    fields = {f"s{lane}": value for lane, value in enumerate(beat.index)} | beat.kept | {"end": beat.end}
    return RowBuffer(m, fields, part.depth, part.limited, "scores")


def elements(flow: Flow, config: SoftmaxConfig, scores: RowBuffer, inverse: Value) -> list[Value]:
    """Give the exponentials of a beat that was stored, below the row's maximum; three registers or four."""
    assert config.plan.falling is not None
    found = []
    for lane in range(config.lanes):
        keep = flow(scores.fields["keep"][lane], "keep") if "keep" in scores.fields else None
        distance = below(flow, inverse, scores.fields[f"s{lane}"])
        found.append(exponential(flow, config.plan.falling, distance, keep, config.product_registers))
    return found


def scaled(flow: Flow, config: SoftmaxConfig, e: Value, reciprocal: Value) -> Value:
    """Multiply by the row's reciprocal; a register behind the product, from the bit that rounds on."""
    plan = config.plan
    product = e[plan.fraction_bits - plan.kept_bits :] * reciprocal
    one = plan.kept_bits + plan.quotient_bits
    return flow(product[one - config.out_bits - 1 : one + 1], "product")


def leave(m: Module, config: SoftmaxConfig, flow: Flow, o: Any, products: list[Value]) -> None:
    """Round products to the output's format and register them there.

    Products have one fraction bit more than the output and are below 2; ``o.valid`` and ``last``
    are the affair of `finish`.
    """
    for lane, product in enumerate(products):
        nearest = Signal(config.out_bits + 1, name="nearest")
        m.d.comb += nearest.eq(product[1:] + product[0])
        result = Signal(config.out_bits, name="p", reset_less=True)
        with m.If(flow.enable):
            m.d.sync += result.eq(nearest)
            with m.If(nearest[-1]):
                m.d.sync += result.eq(~Const(0, config.out_bits))
        m.d.comb += o.payload.p[lane].eq(result)


def finish(m: Module, flow: Flow, o: Any, valid: Value, end: Value, stages: int) -> None:
    """Carry valid and last along the final segment to the output."""
    valid, end = flow.mark(valid, "valid", stages - 1), flow(end, "end", stages)
    with m.If(flow.enable):
        m.d.sync += o.valid.eq(valid)
    m.d.comb += [o.payload.last.eq(end), flow.enable.eq(~o.valid | o.ready)]
