# SPDX-License-Identifier: BSD-2-Clause
"""What comes in: a job, its queries into one of two halves, its keys and values into the cache, token after token."""

from collections.abc import Mapping
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from gatewright.hw.attention.kv_attention.config import KvAttentionConfig


class Counter:
    """Count from 0 to ``limit - 1``, or to ``most`` if that is given, over and over; no register for a limit of 1.

    Attributes
    ----------
    value, last : Value
        The count, and whether it is the greatest.
    """

    def __init__(self, m: Module, limit: int, step: Value, name: str, most: Value | None = None) -> None:
        self.value: Value = Const(0, 0)
        self.last: Value = Const(1, 1)
        if limit > 1:
            count = Signal(range(limit), name=name)
            self.value, self.last = count, count == (limit - 1 if most is None else most)
            wraps = most is None and limit & (limit - 1) == 0
            with m.If(step):
                m.d.sync += count.eq(count + 1 if wraps else Mux(self.last, 0, count + 1))


class Job:
    """Registers of a job.

    Attributes
    ----------
    row : Signal
        Word of the layer's first key, by pairs of key and value.
    position : Signal
        Of its first token while it comes in, of its last one from then on.
    rest : dict of str to Signal
        Multipliers and shift codes; ``more`` where a job may have more tokens than one.
    newest : Value
        Position of the last token of the job that comes in.
    """

    def __init__(self, config: KvAttentionConfig, name: str) -> None:
        port = config.inputs[0]
        self.row = Signal(range(max(2, config.depth // 2)), name=f"{name}_row", reset_less=True)
        self.position = Signal(port.field("position").bits, name=f"{name}_position", reset_less=True)
        self.rest = {
            field.name: Signal(field.bits, name=f"{name}_{field.name}", reset_less=True) for field in port.fields[2:]
        }
        self.newest: Value = self.position
        if "more" in self.rest:
            self.newest = (self.position + self.rest["more"])[: len(self.position)]

    def take(self, m: Module, row: Value, position: Value, rest: Mapping[str, Value]) -> None:
        """Load, within the caller's condition."""
        m.d.sync += [self.row.eq(row), self.position.eq(position)]
        m.d.sync += [register.eq(rest[name]) for name, register in self.rest.items()]


class Intake:
    """The job that comes in. It is handed on with its queries and keys complete; its values may still come.

    Attributes
    ----------
    job : Job
    complete : Signal
        The job may be handed on.
    load : Signal
        It is; the caller drives it.
    started : Signal
        It has been, but some of its values are still to come.
    parity : Signal
        Whether it is an odd one.
    cache, queries : list of Memory
        Words of head_dim elements, for each token of a word and for each column; a memory for each beat of them.
    half : Signal
        Half of ``queries`` that is filled; the other one belongs to the job handed on last.
    """

    def __init__(self, m: Module, config: KvAttentionConfig) -> None:
        self.m, self.config = m, config
        self.job = Job(config, "job")
        self.complete, self.load, self.started, self.parity, self.half = (
            Signal(name=name) for name in ("job_complete", "job_load", "job_started", "job_parity", "queries_half")
        )
        bits = config.lanes * config.act_bits
        parts = config.tokens * config.parts
        self.cache = [self._memory(f"cache_{part}", bits, config.depth) for part in range(parts)]
        beats = config.queries * config.groups
        self.queries = [self._memory(f"queries_{part}", bits, 2 * config.passes) for part in range(beats)]

    def _memory(self, name: str, bits: int, depth: int) -> Memory:
        """Make the memory of a beat; one memory with parts that are written apart is slow to simulate."""
        memory = Memory(shape=bits, depth=depth, init=[], attrs={"uninitialised": 1})
        self.m.submodules[name] = memory
        return memory

    def build(self, room: Any, idle: Value, newest: Value) -> None:
        """Connect the streams.

        Parameters
        ----------
        idle : Value
            No walk is under way or to come.
        newest : Value
            Position of the job handed on last.
        """
        m = self.m
        waits, key_in, value_in = Signal(name="job_waits"), Signal(name="key_in"), Signal(name="value_in")
        full = self._queries(room.i_q, waits & ~self.started)
        # What earlier jobs still read lies at their positions and before. A job that is not behind them all
        # waits until they are done.
        writes, behind = Signal(name="cache_writes"), Signal(name="job_behind")
        m.d.sync += behind.eq(waits & (self.job.position > newest))  # a register behind the comparison
        blocks = self.config.queries > 1
        keys_in = Signal(name="keys_in") if blocks else key_in
        m.d.comb += [
            writes.eq(waits & ~value_in & (self.started | idle | behind)),
            self.complete.eq(waits & ~self.started & keys_in & full),
            room.i_job.ready.eq(~waits),
        ]
        ends, final = self._rows(room, writes, key_in)
        if blocks:  # keys and values take turns, token by token
            m.d.comb += keys_in.eq(key_in & (final | value_in))
        with m.If(ends):
            m.d.sync += [key_in.eq(~key_in | final if blocks else 1), value_in.eq(key_in & final if blocks else key_in)]
        with m.If(self.load):
            m.d.sync += self.started.eq(1)
        with m.If(value_in & (self.started | self.load)):
            m.d.sync += [waits.eq(0), self.started.eq(0), key_in.eq(0), value_in.eq(0)]
        with m.If(room.i_job.valid & ~waits):
            m.d.sync += [waits.eq(1), self.parity.eq(~self.parity)]
            payload = room.i_job.payload
            self.job.take(m, self._row(payload.layer), payload.position, {n: payload[n] for n in self.job.rest})

    def _row(self, layer: Value) -> Value:
        """Give the layer's first word; a table of few entries, whose factor is a constant."""
        config = self.config
        size = config.kv_heads * config.words
        return Array(Const(index * size, range(max(2, config.depth // 2))) for index in range(config.layers))[layer]

    def _rows(self, room: Any, writes: Value, key_in: Value) -> tuple[Value, Value]:
        """Write a token's keys, then its values; tell when either is complete, and whether the token is the last."""
        m, config = self.m, self.config
        push, ends = Signal(name="cache_push"), Signal(name="row_ends")
        m.d.comb += [
            room.i_k.ready.eq(writes & ~key_in), room.i_v.ready.eq(writes & key_in),
            push.eq(writes & Mux(key_in, room.i_v.valid, room.i_k.valid)),
        ]  # fmt: skip
        part = Counter(m, config.parts, push, "cache_part")
        head = Counter(m, config.kv_heads, push & part.last, "cache_head")
        m.d.comb += ends.eq(push & part.last & head.last)
        follows: Value | int = 0  # where the next row's first head goes, from the job's first token on
        final: Value = Const(1, 1)
        if config.queries > 1:
            row = Counter(m, config.queries, ends & key_in, "cache_token", self.job.rest["more"])
            final, follows = row.last, Mux(key_in, Mux(row.last, 0, row.value + 1), row.value)
        place = Signal(range(max(2, config.depth // 2)), name="cache_place")
        token, word = self.job.position[: config.place_bits], self.job.position[config.place_bits :]
        m.d.comb += place.eq(self.job.row + word)
        if config.kv_heads > 1 or config.queries > 1:
            ahead = Signal(range(config.depth // 2), name="cache_ahead")
            with m.If(push & part.last):
                m.d.sync += ahead.eq(Mux(head.last, follows, ahead + config.words))
            m.d.comb += place.eq(self.job.row + word + ahead)
        x = Mux(key_in, room.i_v.payload.x.as_value(), room.i_k.payload.x.as_value())
        for index in range(config.tokens):
            memories = self.cache[index * config.parts : (index + 1) * config.parts]
            here = push & (token == index) if config.tokens > 1 else push
            self._write(memories, Cat(key_in, place), x, here, part)
        return ends, final

    def _queries(self, i: Any, known: Value) -> Signal:
        """Fill a half with queries; tell that it is full. Where a job tells how many they are, it must be ``known``."""
        m, config = self.m, self.config
        full, push = Signal(name="queries_full"), Signal(name="queries_push")
        part = Counter(m, config.groups, push, "queries_part")
        walk = Counter(m, config.passes, push & part.last, "queries_walk")
        address, x = Cat(self.half, walk.value), i.payload.x.as_value()
        ready = known & ~full if config.queries > 1 else ~full
        m.d.comb += [i.ready.eq(ready), push.eq(i.valid & ready)]
        ends = push & part.last & walk.last
        if config.queries == 1:
            self._write(self.queries, address, x, push, part)
        else:
            token = Counter(m, config.queries, ends, "queries_token", self.job.rest["more"])
            ends = ends & token.last
            for index in range(config.queries):
                memories = self.queries[index * config.groups : (index + 1) * config.groups]
                self._write(memories, address, x, push & (token.value == index), part)
        with m.If(ends):
            m.d.sync += full.eq(1)
        with m.If(self.load):
            m.d.sync += [full.eq(0), self.half.eq(~self.half)]
        return full

    def _write(self, memories: list[Memory], address: Value, x: Value, push: Value, part: Counter) -> None:
        """Write a beat into the memory whose turn it is."""
        for index, memory in enumerate(memories):
            write = memory.write_port()
            here = push & (part.value == index) if len(memories) > 1 else push
            self.m.d.comb += [write.addr.eq(address), write.data.eq(x), write.en.eq(here)]
