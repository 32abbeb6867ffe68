# SPDX-License-Identifier: BSD-2-Clause
"""Memories: one for an operand's rows, one for few words."""

from typing import Any

from amaranth import Module, Signal, Value
from amaranth.lib.memory import Memory

from gatewright.hw.attention.attention.config import AttentionConfig


class Matrix:
    """The rows of one operand of a sequence: they come in order, are read in order, and go all at once.

    Attributes
    ----------
    row : Value
        The row that is wanted; the caller sets it before `build`.
    here : Signal
        It is there.
    read : Signal
        Read the next word; ``data`` has it in the cycle after.
    rewind : Signal
        The word read next is the first again.
    clear : Signal
        All rows have been read for the last time; only while all are there.
    """

    def __init__(self, m: Module, config: AttentionConfig, port: Any, name: str) -> None:
        self.config, self.name = config, name
        self.here, self.read, self.rewind, self.clear = (
            Signal(name=f"{name}_{what}") for what in ("here", "read", "rewind", "clear")
        )
        words = config.tokens * config.words
        memory = storage(m, name, config.lanes * config.act_bits, words)
        write, read = memory.write_port(), memory.read_port()
        self.data: Value = read.data

        self.rows = Signal(range(config.tokens + 1), name=f"{name}_rows")
        address = Signal(range(words), name=f"{name}_read_address")
        place = Signal(range(words), name=f"{name}_write_address")
        push = port.valid & port.ready
        full = Signal(name=f"{name}_full")
        m.d.comb += [
            full.eq(self.rows == config.tokens), port.ready.eq(~full),
            write.addr.eq(place), write.data.eq(port.payload.x.as_value()), write.en.eq(push),
            read.addr.eq(address), read.en.eq(self.read),
        ]  # fmt: skip
        with m.If(push):
            m.d.sync += [place.eq(place + 1), self.rows.eq(self.rows + port.payload.last)]
        with m.If(self.read):
            m.d.sync += address.eq(address + 1)
        with m.If(self.rewind):
            m.d.sync += address.eq(0)
        with m.If(self.clear):
            m.d.sync += [place.eq(0), self.rows.eq(0)]

    def want(self, m: Module, row: Value) -> None:
        """Ask whether a row is there."""
        m.d.comb += self.here.eq(self.rows > row)


def storage(m: Module, name: str, bits: int, depth: int) -> Memory:
    """Make a memory whose first contents do not matter."""
    memory = Memory(shape=bits, depth=depth, init=[], attrs={"uninitialised": 1})
    m.submodules[name] = memory
    return memory


def few_words(
    m: Module, name: str, bits: int, depth: int, read: tuple[Value, Value], write: tuple[Value, Value, Value]
) -> Value:
    """Keep ``depth`` words; give the one read a cycle ago, as it is by then. A single one is a register.

    Parameters
    ----------
    read : tuple
        Address and enable. Words are read in rotation, so none is read while it is written.
    write : tuple
        Address, enable and data.
    """
    if depth == 1:
        word = Signal(bits, name=name, reset_less=True)
        with m.If(write[1]):
            m.d.sync += word.eq(write[2])
        return word
    memory = storage(m, name, bits, depth)
    reader, writer = memory.read_port(), memory.write_port()
    m.d.comb += [
        reader.addr.eq(read[0]), reader.en.eq(read[1]),
        writer.addr.eq(write[0]), writer.en.eq(write[1]), writer.data.eq(write[2]),
    ]  # fmt: skip
    return reader.data
