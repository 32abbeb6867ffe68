# SPDX-License-Identifier: BSD-2-Clause
"""Tables of sums: one adder per group walks over all entries, and all readers' copies are written together."""

from itertools import product
from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.mac.multiplier import add_with_carry
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.tlmm.tree import Part


def rom(m: Module, selector: Value, values: list[int], bits: int, name: str) -> Value:
    """Choose a constant by number, as plain logic."""
    if not bits:  # Verilog knows no empty vector
        return Const(0, 0)
    found = Signal(bits, name=name)
    with m.Switch(selector):
        for number, value in enumerate(values):
            with m.Case(number):
                m.d.comb += found.eq(int(value))
        with m.Default():
            m.d.comb += found.eq(int(values[-1]))
    return found


class Walker:
    """Steps through the entries of all groups' tables at once.

    Parameters
    ----------
    acts : Array
        (vectors, groups, group) activations at the input; they stay until `done`.
    waiting : Value
        Whether activations are there.
    allowed : Value
        Whether the table that is next may be written.

    Attributes
    ----------
    write : Signal
        Entries are written in this cycle.
    done : Signal
        They are the last of this block.
    address : Signal
        Where.
    entries : list of Value
        What, by group: the entries of all vectors, vector 0 lowest.
    """

    def __init__(self, m: Module, config: TlmmConfig, acts: Any, waiting: Value, allowed: Value) -> None:
        steps = config.walk
        # 0: at rest. k: the accumulators hold the sum of k - 1 steps, and step k is prepared.
        number = Signal(range(len(steps) + 2))
        self.write, self.done, self.move = Signal(), Signal(), Signal()
        self.address = rom(m, number, [0, 0, *(step.address or 0 for step in steps)], config.address_bits, "address")
        holds_entry = Signal()
        m.d.comb += [
            holds_entry.eq(number >= config.way),
            self.move.eq(Mux(number == 0, waiting, ~holds_entry | allowed)),
            self.write.eq(holds_entry & allowed),
            self.done.eq((number == len(steps) + 1) & allowed),
        ]
        with m.If(self.done):
            m.d.sync += number.eq(0)
        with m.Elif(self.move):
            m.d.sync += number.eq(number + 1)
        self.entries = self._accumulate(m, config, number, acts)

    def _accumulate(self, m: Module, config: TlmmConfig, number: Value, acts: Any) -> list[Value]:
        """Prepare a step's term while the one before is added: one LUT a bit in front of either register.

        Activation 0 of a half or mirrored table is added once, as it is. It joins at the adder, while
        the prepared term is zero; so terms are chosen among one activation less.
        """
        steps, wide = config.walk, config.act_bits + any(step.double for step in config.walk)
        lone = config.method != "full"
        places = range(lone, config.group)
        element = rom(m, number, [step.element - lone for step in steps], (len(places) - 1).bit_length(), "element")
        first = rom(m, number, [lone and step.element == 0 for step in steps], 1, "first")
        flip = rom(m, number, [step.negate for step in steps], 1, "flip")
        double = rom(m, number, [step.double for step in steps], 1, "double")
        negate, direct = Signal(), Signal()
        with m.If(self.done):
            m.d.sync += [negate.eq(0), direct.eq(0)]
        with m.Elif(self.move):
            m.d.sync += [negate.eq(flip), direct.eq(first)]
        found: list[list[Value]] = [[] for _ in range(config.groups)]
        for group, vector in product(range(config.groups), range(config.vectors)):
            # Both have a reset: a walk starts with nothing to add to nothing.
            entry = Signal(signed(config.entry_bits), name=f"entry_{group}")
            term = Signal(signed(wide), name=f"term_{group}")
            x = Array(acts[vector][group][place] for place in places)[element]
            if wide > config.act_bits:
                x = Mux(double, Cat(Const(0, 1), x).as_signed(), x)
            added: Value = term
            if lone:
                added = (term | (acts[vector][group][0] & direct.replicate(config.act_bits).as_signed())).as_signed()
            with m.If(self.done):
                m.d.sync += entry.eq(0)
            with m.Elif(self.move):
                m.d.sync += entry.eq(add_with_carry(entry, added, negate))
            with m.If(self.done | (self.move & first)):  # the registers' own reset
                m.d.sync += term.eq(0)
            with m.Elif(self.move):
                m.d.sync += term.eq(x ^ flip.replicate(wide).as_signed())
            found[group].append(entry)
        return [Cat(*entries) for entries in found]


class Tables:
    """The groups' tables, of one bank or two.

    Attributes
    ----------
    fire, fire_last : Signal
        Inputs of this cycle: weights are taken; they end a sweep.
    ready : Signal
        The bank to be read is full.
    final : Value
        Its block is the last of a vector.
    """

    def __init__(self, m: Module, pipe: Pipe, config: TlmmConfig, payload: Any, waiting: Value) -> None:
        self.m, self.pipe, self.config = m, pipe, config
        self.fire_last, self.ready = Signal(), Signal()
        banks = 1 + config.overlap
        full = Signal(banks)
        self.reading: Value = Signal(name="reading") if config.overlap else Const(0, 0)
        writing: Value = Signal(name="writing") if config.overlap else Const(0, 0)
        allowed, final = Signal(), Signal(banks)
        self.walker = walker = Walker(m, config, payload.x, waiting, allowed)
        # If the bank to be written is full, it is the one that is being read. A block RAM's word must
        # not be written in the cycle in which it is read. Writing stalls with the pipeline: while a
        # table is built, kept sums get the time that they need to come back.
        freed = Const(0) if config.storage == "block" else self.fire_last
        m.d.comb += [
            self.ready.eq(full.bit_select(self.reading, 1)),
            allowed.eq(pipe.enable & (~full.bit_select(writing, 1) | freed)),
        ]  # fmt: skip
        with m.If(self.fire_last):
            m.d.sync += full.bit_select(self.reading, 1).eq(0)
        with m.If(walker.done):
            m.d.sync += [full.bit_select(writing, 1).eq(1), final.bit_select(writing, 1).eq(payload.last)]
        if config.overlap:
            m.d.sync += [self.reading.eq(self.reading ^ self.fire_last), writing.eq(writing ^ walker.done)]
        self.final = final.bit_select(self.reading, 1)
        self.place = Cat(walker.address, writing)
        self._shared: list[Array[Any]] = []
        if config.storage == "registers":
            self._shared = [self._registers(group) for group in range(config.groups)]

    def _registers(self, group: int) -> Any:
        """Give a table of registers; what no step writes is zero."""
        config, m = self.config, self.m
        written = {step.address for step in config.walk}
        table: list[Value] = []
        for place in range(1 << len(self.place)):
            if place & ((1 << config.address_bits) - 1) not in written:
                table.append(Const(0, len(self.walker.entries[group])))
                continue
            word = Signal(len(self.walker.entries[group]), name=f"table_{group}_{place}", reset_less=True)
            with m.If(self.walker.write & (self.place == place)):
                m.d.sync += word.eq(self.walker.entries[group])
            table.append(word)
        return Array(table)

    def _lookup(self, group: int, address: Value, name: str) -> list[Value]:
        """Read an entry of each vector; they come a cycle later."""
        bits = self.config.entry_bits
        word = self._word(group, Cat(address, self.reading), name)
        return [word.word_select(vector, bits).as_signed() for vector in range(self.config.vectors)]

    def _word(self, group: int, place: Value, name: str) -> Value:
        """Read the entries of all vectors: the weights address them alike, so they lie in one memory."""
        config = self.config
        if config.storage == "registers":
            return self.pipe(self._shared[group][place], f"{name}_entry")
        memory = Memory(shape=config.entry_bits * config.vectors, depth=1 << len(self.place), init=[])
        self.m.submodules[f"{name}_table"] = memory
        write = memory.write_port()
        self.m.d.comb += [
            write.addr.eq(self.place), write.data.eq(self.walker.entries[group]), write.en.eq(self.walker.write),
        ]  # fmt: skip
        if config.storage == "block":
            port = memory.read_port()
            self.m.d.comb += [port.addr.eq(place), port.en.eq(self.pipe.enable)]
            return port.data
        port = memory.read_port(domain="comb")
        self.m.d.comb += port.addr.eq(place)
        return self.pipe(port.data, f"{name}_entry")

    def parts(self, codes: Value, name: str) -> list[Part]:
        """Give the operands of one output, a cycle after its codes."""
        config, found = self.config, []
        for group in range(config.groups):
            code, label = codes[group], f"{name}_{group}"
            if config.method == "full":
                found.append(Part(config.group, tuple(self._lookup(group, code, label))))
                continue
            wide = config.address_bits + 1
            for reader in range(config.readers):
                field = code[reader * wide : (reader + 1) * wide]
                entries = self._lookup(group, field[:-1], f"{label}_{reader}")
                negate = self.pipe(field[-1], f"{label}_{reader}_sign")
                flip = negate.replicate(config.entry_bits).as_signed()
                found.append(Part(config.group, tuple((entry ^ flip).as_signed() for entry in entries), negate))
        return found
