# SPDX-License-Identifier: BSD-2-Clause
"""Tables of sums: one adder per group walks over all entries, and all readers' copies are written together."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.tlmm.tree import Part


def rom(m: Module, selector: Value, values: list[int], shape: int, name: str) -> Signal:
    """Choose a constant by number, as plain logic."""
    found = Signal(shape, name=name)
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
    acts : Value
        (groups, group) activations at the input; they stay until `done`.
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
    entries : list of Signal
        What, by group.
    """

    def __init__(self, m: Module, config: TlmmConfig, acts: Value, waiting: Value, allowed: Value) -> None:
        steps = config.walk
        count = len(steps)
        number = Signal(range(count + 1))  # the step whose sum the accumulators hold; 0: none, they are zero
        self.write, self.done, move = Signal(), Signal(), Signal()
        self.address = rom(m, number, [0, *(step.address or 0 for step in steps)], config.address_bits, "address")
        at_rest, at_end = Signal(), Signal()
        m.d.comb += [at_rest.eq(number == 0), at_end.eq(number == count)]
        holds_entry = Signal()
        m.d.comb += [
            holds_entry.eq(number >= config.way),
            move.eq(Mux(at_rest, waiting, ~holds_entry | allowed)),
            self.write.eq(holds_entry & allowed),
            self.done.eq(at_end & allowed),
        ]
        with m.If(self.done):
            m.d.sync += number.eq(0)
        with m.Elif(move):
            m.d.sync += number.eq(number + 1)
        self.entries = self._accumulate(m, config, number, move, acts)

    def _accumulate(self, m: Module, config: TlmmConfig, number: Value, move: Value, acts: Value) -> list[Signal]:
        steps = config.walk
        element = rom(m, number, [step.element for step in steps], (config.group - 1).bit_length(), "element")
        negate = rom(m, number, [step.negate for step in steps], 1, "negate")
        double = rom(m, number, [step.double for step in steps], 1, "double")
        found = []
        for group in range(config.groups):
            entry = Signal(signed(config.entry_bits), name=f"entry_{group}")  # has a reset: a walk starts from zero
            x = Array(acts[group][place] for place in range(config.group))[element]
            if any(step.double for step in steps):
                x = Mux(double, Cat(Const(0, 1), x).as_signed(), x)
            wide = config.act_bits + 1
            term = Signal(signed(wide), name=f"term_{group}")
            m.d.comb += term.eq(x ^ negate.replicate(wide).as_signed())
            total = (Cat(Const(1, 1), entry).as_signed() + Cat(negate, term).as_signed())[1 : 1 + config.entry_bits]
            with m.If(self.done):
                m.d.sync += entry.eq(0)
            with m.Elif(move):
                m.d.sync += entry.eq(total)
            found.append(entry)
        return found


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
        self.reading, writing = Signal(int(config.overlap)), Signal(int(config.overlap))
        allowed, final = Signal(), Signal(banks)
        self.walker = walker = Walker(m, config, payload.x, waiting, allowed)
        m.d.comb += [
            self.ready.eq(full.bit_select(self.reading, 1)),
            # If the bank to be written is full, it is the one that is being read.
            allowed.eq(~full.bit_select(writing, 1) | self.fire_last),
        ]
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
                table.append(Const(0, signed(config.entry_bits)))
                continue
            word = Signal(signed(config.entry_bits), name=f"table_{group}_{place}", reset_less=True)
            with m.If(self.walker.write & (self.place == place)):
                m.d.sync += word.eq(self.walker.entries[group])
            table.append(word)
        return Array(table)

    def _lookup(self, group: int, address: Value, name: str) -> Value:
        """Read an entry; it comes a cycle later."""
        config, place = self.config, Cat(address, self.reading)
        if config.storage == "registers":
            return self.pipe(self._shared[group][place], f"{name}_entry")
        memory = Memory(shape=signed(config.entry_bits), depth=1 << len(self.place), init=[])
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
                found.append(Part(config.group, self._lookup(group, code, label)))
                continue
            wide = config.address_bits + 1
            for reader in range(config.readers):
                field = code[reader * wide : (reader + 1) * wide]
                entry = self._lookup(group, field[:-1], f"{label}_{reader}")
                negate = self.pipe(field[-1], f"{label}_{reader}_sign")
                value = (entry ^ negate.replicate(config.entry_bits).as_signed()).as_signed()
                found.append(Part(config.group, value, negate))
        return found


