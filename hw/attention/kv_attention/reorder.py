# SPDX-License-Identifier: BSD-2-Clause
"""Results come heads by heads, those of all tokens in each walk, and leave token by token."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.intake import Counter


class Reorder:
    """Two halves of a memory; a job's results have one of them until they have left.

    A half is taken when the job's first walk through values begins: what comes in never waits. From the first result
    of the last walk on all that is read has been written, as a token's row is read no sooner than its last part is.

    Attributes
    ----------
    full : Signal
        No half is free for the job whose first walk through values would begin.
    """

    def __init__(self, m: Module, config: KvAttentionConfig) -> None:
        self.m, self.config = m, config
        self.full = Signal(name="halves_full")

    def build(self, i: Any, o: Any, walks: Any) -> None:
        """Connect what comes in, where ``last`` ends a walk, to what goes out, where it ends a token."""
        m = self.m
        held, complete = Signal(2, name="half_held"), Signal(2, name="half_complete")
        more = [Signal(len(walks.result["more"]), name=f"half_{half}_more", reset_less=True) for half in range(2)]
        first, into = Signal(init=1, name="first_walk"), Signal(name="half_into")
        m.d.comb += self.full.eq(first & held.bit_select(into, 1))
        with m.If(walks.begins):
            m.d.sync += [first.eq(walks.final), into.eq(into ^ walks.final), held.bit_select(into, 1).eq(1)]
            for half, register in enumerate(more):
                with m.If(into == half):
                    m.d.sync += register.eq(walks.result["more"])

        out = Signal(name="half_out")
        memory = self._memory()
        self._write(memory, i, complete)
        most = Cat(more).word_select(out, len(more[0]))
        ends = self._read(memory, o, out, complete.bit_select(out, 1), most)
        with m.If(ends):
            m.d.sync += [out.eq(~out), held.bit_select(out, 1).eq(0), complete.bit_select(out, 1).eq(0)]

    def _memory(self) -> Memory:
        """Make the memory: a word for each beat, counted in bits of their own by group, walk, token and half."""
        config = self.config
        bits = sum((limit - 1).bit_length() for limit in (config.groups, config.passes, config.queries))
        memory = Memory(shape=config.lanes * config.out_bits, depth=2 << bits, init=[], attrs={"uninitialised": 1})
        self.m.submodules.results = memory
        return memory

    def _write(self, memory: Memory, i: Any, complete: Value) -> None:
        """Write what comes in, at once; in each walk a token's beats follow each other."""
        m, config = self.m, self.config
        group = Counter(m, config.groups, i.valid, "write_group")
        walk = Counter(m, config.passes, i.valid & i.payload.last, "write_walk")
        token, half = Signal(range(config.queries), name="write_token"), Signal(name="write_half")
        with m.If(i.valid & group.last):
            m.d.sync += token.eq(Mux(i.payload.last, 0, token + 1))
        with m.If(i.valid & walk.last):
            m.d.sync += [complete.bit_select(half, 1).eq(1), half.eq(half ^ i.payload.last)]
        write = memory.write_port()
        m.d.comb += [
            i.ready.eq(1), write.en.eq(i.valid), write.data.eq(Cat(i.payload.q)),
            write.addr.eq(Cat(group.value, walk.value, token, half)),
        ]  # fmt: skip

    def _read(self, memory: Memory, o: Any, half: Value, complete: Value, most: Value) -> Value:
        """Read token after token while the output has room; tell when a half's last beat is read."""
        m, config = self.m, self.config
        free, step = Signal(name="output_free"), Signal(name="result_read")
        group = Counter(m, config.groups, step, "read_group")
        walk = Counter(m, config.passes, step & group.last, "read_walk")
        row_ends = group.last & walk.last
        token = Counter(m, config.queries, step & row_ends, "read_token", most)
        read = memory.read_port(domain="sync")
        valid, last = Signal(name="output_valid"), Signal(name="output_last", reset_less=True)
        m.d.comb += [
            free.eq(~valid | o.ready), step.eq(free & complete), read.en.eq(free),
            read.addr.eq(Cat(group.value, walk.value, token.value, half)),
            o.valid.eq(valid), o.payload.last.eq(last),
        ]  # fmt: skip
        m.d.comb += [
            o.payload.y[lane].eq(read.data.word_select(lane, config.out_bits).as_signed())
            for lane in range(config.lanes)
        ]
        with m.If(free):
            m.d.sync += [valid.eq(complete), last.eq(row_ends)]
        return step & row_ends & token.last
