# SPDX-License-Identifier: BSD-2-Clause
"""Which walk comes next: through a head's keys or through its values, for all heads that work in step."""

from amaranth import Cat, Const, Module, Mux, Signal, Value

from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.intake import Counter, Intake, Job


class Walks:
    """Two walks through keys may be ahead of the values: what the softmax has places for.

    Attributes
    ----------
    running, value, last : Signal
        A word is read in this cycle; it is a value; it is the walk's last.
    address : Value
        The word.
    slot : Signal
        Which of two sets of scales belongs to the walk.
    queries : Value
        Word of the queries' memory.
    flights : list of Job
        The sets; only the scales of scores count.
    hidden : Value
        How many of a job's tokens, from its first on, do not see the key that is read; or how many keys of the word
        that is read, from its end on, are not the row's.
    begins : Signal
        A walk through values begins with the next cycle.
    final : Signal
        That walk is its job's last.
    result : dict of str to Value
        That walk's scales of results, and how many tokens more than one it has.
    idle : Signal
        No walk is under way or to come.
    """

    def __init__(self, m: Module, config: KvAttentionConfig, intake: Intake) -> None:
        self.m, self.config, self.intake = m, config, intake
        self.running, self.value, self.last, self.slot, self.begins, self.idle = (
            Signal(name=f"walk_{name}") for name in ("running", "value", "last", "slot", "begins", "idle")
        )
        self.current = Job(config, "current")
        self.flights = [Job(config, f"flight_{index}") for index in range(2)]
        self.hidden: Value = Const(0, 0)

    def build(self, ready: Value, summing: Value) -> None:
        """Choose walks.

        Parameters
        ----------
        ready : Value
            Probabilities of the oldest walk through keys are there.
        summing : Value
            The accumulators are in use, or results have no place to go.
        """
        m, intake, current = self.m, self.intake, self.current
        pending, parity = Signal(name="keys_pending"), Signal(name="current_parity", reset_less=True)
        key_begins, value_ends, late = Signal(name="key_begins"), Signal(name="value_ends"), Signal(name="value_late")
        busy = Signal(2, name="flight_busy")
        into, out = Signal(name="flight_into"), Signal(name="flight_out")
        oldest = self._pick(out)
        parities = Signal(2, name="flight_parities", reset_less=True)

        m.d.comb += [
            # Queries are read a little later than keys: no job is handed on while keys are read.
            intake.load.eq(intake.complete & ~pending & ~(self.running & ~self.value)),
            value_ends.eq(self.running & self.value & self.last),
            key_begins.eq(pending & (~self.running | value_ends) & (~busy.all() | value_ends)),
            late.eq(intake.started & (parities.bit_select(out, 1) == intake.parity)),
            self.begins.eq(ready & ~summing & ~late & ~key_begins & (~self.running | self.last)),
            self.idle.eq(~pending & ~busy.any()),
        ]  # fmt: skip
        walk = Counter(m, self.config.passes, key_begins, "current_walk")
        if self.config.kv_heads > 1:  # one head's walks all read the same rows
            per_head = Counter(m, self.config.share // self.config.parallel, key_begins, "current_in_head")
            with m.If(key_begins & per_head.last):
                m.d.sync += current.row.eq(current.row + self.config.words)
        with m.If(value_ends):
            m.d.sync += [busy.bit_select(out, 1).eq(0), out.eq(~out)]
        with m.If(key_begins):
            m.d.sync += [busy.bit_select(into, 1).eq(1), into.eq(~into), parities.bit_select(into, 1).eq(parity)]
            with m.If(walk.last):
                m.d.sync += pending.eq(0)
        with m.If(intake.load):
            m.d.sync += [pending.eq(1), parity.eq(intake.parity)]
            current.take(m, intake.job.row, intake.job.newest, intake.job.rest)
        self._flights(key_begins, into, walk)
        self._step(key_begins, oldest)

        self.queries = Signal(range(2 * self.config.passes), name="walk_queries", reset_less=True)
        with m.If(key_begins):
            m.d.sync += [self.queries.eq(Cat(~intake.half, walk.value)), self.slot.eq(into)]
        finals = Signal(2, name="flight_finals", reset_less=True)
        with m.If(key_begins):
            m.d.sync += finals.bit_select(into, 1).eq(walk.last)
        self.final = finals.bit_select(out, 1)
        names = ("out_multiplier", "out_shift", *(["more"] if self.config.queries > 1 else []))
        self.result = {name: oldest[name] for name in names}

    def _pick(self, out: Value) -> dict[str, Value]:
        """Give the oldest flight's registers."""
        first, second = self.flights
        named = {"row": (first.row, second.row), "position": (first.position, second.position)}
        named |= {name: (first.rest[name], second.rest[name]) for name in first.rest}
        return {name: Mux(out, b, a) for name, (a, b) in named.items()}

    def _flights(self, key_begins: Value, into: Value, walk: Counter) -> None:
        """Keep what the walk needs later."""
        m, current = self.m, self.current
        for index, flight in enumerate(self.flights):
            with m.If(key_begins & (into == index)):
                flight.take(m, current.row, current.position, current.rest)

    def _step(self, key_begins: Value, oldest: dict[str, Value]) -> None:
        """Read a word a cycle, from the head's first key or value to its last."""
        m, current = self.m, self.current
        place = Signal(len(current.row), name="walk_place", reset_less=True)
        word = Mux(self.begins, oldest["position"], current.position)[self.config.place_bits :]
        left = Signal(max(len(word), 1), name="walk_left", reset_less=True)
        m.d.comb += self.last.eq(left == 0)
        m.d.sync += [place.eq(place + 1), left.eq(left - 1)]
        with m.If(self.running & self.last):
            m.d.sync += self.running.eq(0)
        with m.If(key_begins | self.begins):
            m.d.sync += [
                self.running.eq(1), self.value.eq(self.begins),
                place.eq(Mux(self.begins, oldest["row"], current.row)),
                left.eq(word),
            ]  # fmt: skip
        self.address = Cat(self.value, place)
        if self.config.queries > 1:
            more = current.rest["more"]  # of the job whose keys are read: none is handed on meanwhile
            self.hidden = Mux(left < more, more - left, 0)[: len(more)]
        elif self.config.tokens > 1:
            self.hidden = Mux(self.last, ~current.position[: self.config.place_bits], 0)
