# SPDX-License-Identifier: BSD-2-Clause
"""A whole accelerator that boots from flash, as small as can be: it answers an address with the word there."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from amaranth import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from gatewright.gen.design import Design
from gatewright.gen.registry import Room
from gatewright.gen.task import Task
from gatewright.hw.accel.served import Served
from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.bus.command_port.config import CommandPortConfig
from gatewright.hw.core.streams import layout
from gatewright.hw.memory.flash_boot.component import FlashBoot
from gatewright.hw.memory.flash_boot.config import FlashBootConfig
from gatewright.hw.memory.flash_boot.image import flash_image

RUN_CYCLES = 3  # as the replies say
FLASH = ("sck", "cs_n", "mosi", "miso")


class LookupConfig(FlashBootConfig):
    """The core: as many words as the flash holds."""

    input_bytes: ClassVar[int] = 2
    output_bytes: ClassVar[int] = 2
    run_cycles: ClassVar[int] = RUN_CYCLES
    loads: ClassVar[int] = 0


class BootedConfig(ServedConfig):
    room: ClassVar[str] = "booted"

    core: LookupConfig = LookupConfig(words=12)

    @property
    def pins(self):
        return (*super().pins, *FLASH)

    @property
    def boot_cycles(self):
        return self.core.pass_cycles


class Lookup(wiring.Component):
    def __init__(self, config):
        self.config = config
        port = CommandPortConfig(input_bytes=2)
        ports = {"i": In(stream.Signature(layout(port.outputs[1]))), "o": Out(stream.Signature(layout(port.inputs[1])))}
        super().__init__(ports | {"sck": Out(1), "cs_n": Out(1), "mosi": Out(1), "miso": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.boot = boot = FlashBoot(self.config)
        m.submodules.words = words = Memory(shape=16, depth=self.config.words, init=(), attrs={"uninitialised": 1})
        writer, reader = words.write_port(), words.read_port()
        m.d.comb += [
            self.sck.eq(boot.sck), self.cs_n.eq(boot.cs_n), self.mosi.eq(boot.mosi), boot.miso.eq(self.miso),
            boot.o.ready.eq(1), writer.en.eq(boot.o.valid), writer.data.eq(boot.o.payload.data),
        ]  # fmt: skip
        with m.If(boot.o.valid):
            m.d.sync += writer.addr.eq(writer.addr + 1)
            with m.If(boot.o.payload.last):
                m.d.sync += writer.addr.eq(0)
        address = Signal(16)
        index = Signal(range(6))
        body = Cat(reader.data, Const(RUN_CYCLES, 32))
        m.d.comb += [reader.addr.eq(address), self.o.payload.data.eq(body.word_select(index, 8))]
        m.d.comb += self.o.payload.last.eq(index == 5)
        with m.FSM():
            with m.State("ASK"):
                m.d.comb += self.i.ready.eq(boot.done)
                m.d.sync += index.eq(0)
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += address.eq(Cat(address[8:], self.i.payload.data))
                    with m.If(self.i.payload.last & self.i.payload.good):
                        m.next = "READ"
            with m.State("READ"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(self.o.payload.last):
                        m.next = "ASK"
        return m


class Booted(Served):
    core = Lookup

    def __init__(self, config):
        self.config = config
        pins = {"rx": In(1, init=1), "tx": Out(1, init=1), "busy": Out(1)}
        flash = {"sck": Out(1), "cs_n": Out(1), "mosi": Out(1), "miso": In(1)}
        wiring.Component.__init__(self, pins | flash)

    def elaborate(self, platform):
        m = super().elaborate(platform)
        core = m.submodules.core
        m.d.comb += [self.sck.eq(core.sck), self.cs_n.eq(core.cs_n), self.mosi.eq(core.mosi), core.miso.eq(self.miso)]
        return m


@dataclass(frozen=True)
class BootedRoom(Room):
    """The room `booted`, which is in no registry."""

    words: tuple[int, ...] = ()
    summary = "Answers an address with the word there."
    config = BootedConfig
    component = Booted

    def flash_image(self, config: Any, settings: Any, folder: Path) -> Any:
        return flash_image(config.core, self.words)


@dataclass(frozen=True, eq=False, kw_only=True)
class LookupTask(Task):
    """Addresses to look up."""

    words: tuple[int, ...]
    name = "lookup"

    def wire(self, index):
        return self.codes[index].astype(np.uint8).tobytes()

    def read(self, octets):
        return np.ascontiguousarray(octets).view("<u2").astype(np.int64)

    def wanted(self, count):
        return np.array(self.words)[self.codes[:count] @ [1, 256]][:, np.newaxis]

    def describe(self, index, output):
        return f"{self.codes[index]}: {output}"


def booted(words, **settings):
    """Give a design that boots these words."""
    core = LookupConfig(words=len(words), wake_cycles=60, **settings)
    config = BootedConfig(core=core)
    return Design("booted", BootedRoom("booted", "accel", "draft", words=tuple(words)), config, config)


def lookups(words, count=6):
    """Give a task that looks up the first words and the last ones."""
    addresses = np.array([index % len(words) for index in range(-count // 2, count // 2)])
    return LookupTask(codes=np.stack([addresses & 255, addresses >> 8], 1), words=tuple(words))


some_words = partial(np.random.default_rng(5).integers, 0, 1 << 16)
