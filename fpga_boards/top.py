# SPDX-License-Identifier: BSD-2-Clause
"""The top level on a board: power-on reset around an accelerator with a serial link."""

from typing import Any

from amaranth import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gatewright.fpga_boards.board import FLASH_PORTS
from gatewright.fpga_boards.pll import Ecp5Pll, PllPlan


class BoardTop(wiring.Component):
    """Hold reset after configuration, then leave the pins to the accelerator.

    Block RAM of some devices can't be read in the first microseconds after configuration, so reset
    lasts ``2**reset_bits`` cycles.

    Parameters
    ----------
    inner : Component
        With members ``rx``, ``tx`` and ``busy``; perhaps also ``sck``, ``cs_n``, ``mosi`` and ``miso``.
    led_inverted : bool
        The lamp lights when its pin is low.
    pll : PllPlan, optional
        Makes the accelerator's clock of the oscillator's; ECP5 only.
    reset_bits : int
        Width of the reset counter.

    Members
    -------
    clk : In(1)
        The board's oscillator; the clock of all, unless there is a PLL.
    rx : In(1)
        Serial line from the host, idle high.
    tx : Out(1)
        Serial line to the host.
    led : Out(1)
        Lit while an inference runs.
    sck, cs_n, mosi : Out(1)
        To the configuration flash; only if ``inner`` has them.
    miso : In(1)
        From it.
    """

    def __init__(
        self, inner: Any, led_inverted: bool = False, pll: PllPlan | None = None, reset_bits: int = 12
    ) -> None:
        self.inner, self.led_inverted, self.pll, self.reset_bits = inner, led_inverted, pll, reset_bits
        self.flash = set(FLASH_PORTS) <= set(inner.signature.members)
        flash = {"sck": Out(1), "cs_n": Out(1, init=1), "mosi": Out(1), "miso": In(1)} if self.flash else {}
        super().__init__({"clk": In(1), "rx": In(1, init=1), "tx": Out(1, init=1), "led": Out(1), **flash})

    def elaborate(self, platform: Any) -> Module:
        """Count once from 0 to the top and stay there."""
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.domains.start = ClockDomain("start", reset_less=True)
        clock: Any = self.clk
        steady: Any = 1
        if self.pll is not None:
            m.submodules.clocks = clocks = Ecp5Pll(self.pll)
            m.d.comb += clocks.source.eq(self.clk)
            clock, steady = clocks.clock, clocks.locked
        count = Signal(self.reset_bits + 1)
        with m.If(~count[-1] & steady):
            m.d.start += count.eq(count + 1)
        reset = Signal(init=1)  # a register: its net reaches all over the chip
        m.d.start += reset.eq(~count[-1])
        m.d.comb += [ClockSignal("start").eq(clock), ClockSignal("sync").eq(clock), ResetSignal("sync").eq(reset)]
        m.submodules.accelerator = inner = self.inner
        m.d.comb += [inner.rx.eq(self.rx), self.tx.eq(inner.tx), self.led.eq(inner.busy ^ self.led_inverted)]
        if self.flash:
            m.d.comb += [self.sck.eq(inner.sck), self.cs_n.eq(inner.cs_n), self.mosi.eq(inner.mosi)]
            m.d.comb += inner.miso.eq(self.miso)
        return m
