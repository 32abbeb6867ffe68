# SPDX-License-Identifier: BSD-2-Clause
"""The queue where rows wait to leave."""

from amaranth import Module, Signal, Value
from amaranth.lib.memory import Memory

from gatewright.hw.nonlinear.norm.config import NormConfig


class RowQueue:
    """Beats in a memory, released row by row.

    The head is a register, since a memory is slow to give: it holds the beat that leaves, and the
    read register the beat after it. Between rows both follow what the memory holds.

    Attributes
    ----------
    room : Value
        A beat may be pushed.
    head : Signal
        The oldest beat; its top bit is ``last``.
    leaving : Signal
        The head belongs to a row that was released.
    free : Value
        The next row may be released: none is leaving, or its last beat goes.
    """

    def __init__(self, m: Module, config: NormConfig, word: Value, push: Value, release: Value, pop: Value) -> None:
        m.submodules.store = store = Memory(shape=len(word), depth=1 << config.store_bits, init=[])
        write, read = store.write_port(), store.read_port()
        # Where the store can be full, one more bit tells a full one from an empty one.
        bits = config.store_bits + config.store_fills
        enter, leave, following = Signal(bits), Signal(bits), Signal(bits)
        self.head = Signal(len(word), reset_less=True)
        self.leaving = Signal()
        done = pop & self.head[-1]
        self.free = ~self.leaving | done
        self.room = (enter ^ leave) != (1 << config.store_bits) if config.store_fills else Value.cast(1)

        # A row is released only when it lies here from end to end, so nothing asks whether a beat is there.
        m.d.comb += following.eq(leave + (release | (pop & ~self.head[-1])))
        m.d.sync += [enter.eq(enter + push), leave.eq(following)]
        m.d.comb += [write.addr.eq(enter), write.data.eq(word), write.en.eq(push)]
        m.d.comb += [read.addr.eq(following), read.en.eq(1)]
        with m.If(pop | ~self.leaving):
            m.d.sync += self.head.eq(read.data)
        with m.If(release):
            m.d.sync += self.leaving.eq(1)
        with m.Elif(done):
            m.d.sync += self.leaving.eq(0)
