# SPDX-License-Identifier: BSD-2-Clause
"""Language model accelerator for small parts."""

from typing import Any, ClassVar

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.accel.lm_serial.component import LmSerial
from gatewright.hw.accel.served import Served
from gatewright.hw.accel.small_lm.config import SmallLmConfig
from gatewright.hw.core.streams import layout
from gatewright.hw.memory.flash_boot.component import FlashBoot
from gatewright.hw.memory.flash_boot.config import SPI_PINS

PINS = {"sck": Out(1), "cs_n": Out(1, init=1), "mosi": Out(1), "miso": In(1)}


class Booted(wiring.Component):
    """A serial core that takes requests once its constants have come from the flash, all of them right.

    Members
    -------
    i, o : stream
        Those of the core.
    sck, cs_n, mosi : Out(1)
        To the flash.
    miso : In(1)
        From it.
    """

    def __init__(self, config: SmallLmConfig) -> None:
        self.config = config
        core = config.core
        ports: dict[str, Any] = {
            "i": In(stream.Signature(layout(core.inputs[0]))), "o": Out(stream.Signature(layout(core.outputs[0]))),
        }  # fmt: skip
        super().__init__(ports | PINS)

    def elaborate(self, platform: Any) -> Module:
        """Let words go to the core, and requests once `done` is high."""
        m = Module()
        m.submodules.boot = boot = FlashBoot(self.config.boot)
        m.submodules.core = core = LmSerial(self.config.core)
        m.d.comb += [
            self.sck.eq(boot.sck), self.cs_n.eq(boot.cs_n), self.mosi.eq(boot.mosi), boot.miso.eq(self.miso),
            core.i_boot.valid.eq(boot.o.valid), boot.o.ready.eq(core.i_boot.ready),
            core.i_boot.payload.as_value().eq(boot.o.payload.as_value()),
            core.i.valid.eq(self.i.valid & boot.done), self.i.ready.eq(core.i.ready & boot.done),
            core.i.payload.as_value().eq(self.i.payload.as_value()),
            self.o.valid.eq(core.o.valid), core.o.ready.eq(self.o.ready),
            self.o.payload.as_value().eq(core.o.payload.as_value()),
        ]  # fmt: skip
        return m


class SmallLm(Served):
    """Answer requests on a serial line; see `Served` for its pins, and `Booted` for the flash's."""

    config: SmallLmConfig
    extra: ClassVar[dict[str, Any]] = PINS

    def make_core(self) -> Booted:
        """Give the core with what reads its constants."""
        return Booted(self.config)

    def elaborate(self, platform: Any) -> Module:
        """Lead the flash's pins to the core."""
        m = super().elaborate(platform)
        core: Any = m.submodules.core
        m.d.comb += [getattr(self, name).eq(getattr(core, name)) for name in SPI_PINS if name != "miso"]
        m.d.comb += core.miso.eq(self.miso)
        return m
