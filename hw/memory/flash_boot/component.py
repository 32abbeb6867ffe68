# SPDX-License-Identifier: BSD-2-Clause
"""The circuit of flash_boot."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.crc import fcs_next
from gatewright.hw.core.fcs import GOOD
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.memory.flash_boot.config import FCS_START, READ, WAKE, FlashBootConfig


class FlashBoot(RoomComponent):
    """Wake an SPI flash, read all words in one burst, judge the check sequence behind them.

    SPI mode 0. The flash changes `miso` after a falling edge of `sck`; it is sampled as `sck` falls
    the next time, a whole SPI period later. As `sck` comes from this clock, `miso` changes at a known
    time, a half period or more before it is sampled: no synchroniser is needed.

    Members
    -------
    sck, cs_n, mosi : Out(1)
        To the flash; `sck` and `cs_n` are registers, `mosi` settles after `sck` has fallen.
    miso : In(1)
        From the flash.
    done : Out(1)
        High for good once all words came and their check sequence was right.
    o : stream of {data: 16, last: 1}
        Words. The SPI clock stays high while a word waits and the next bit is due.
    """

    config: FlashBootConfig
    o: stream.Interface

    def __init__(self, config: FlashBootConfig) -> None:
        extra = {"sck": Out(1), "cs_n": Out(1, init=1), "mosi": Out(1), "miso": In(1), "done": Out(1)}
        super().__init__(config, extra)

    def elaborate(self, platform: object) -> Module:
        """Rest, wake the flash, rest, read, judge."""
        m = Module()
        config = self.config
        # One counter for the rests and the words: its sign tells the end, and the word with the check sequence.
        bits = max(config.words - 1, config.wake_cycles - 2, 1).bit_length() + 1
        rest = (config.wake_cycles - 2) % (1 << bits)
        left = Signal(bits, init=rest)
        end = left[-1]
        bit = Signal(5)
        awake = Signal()
        clocked, fall = Signal(), Signal()
        self._clock(m, clocked, fall)

        # A word stays in the shift register until the next bit comes: that is a whole SPI period later.
        shift = Signal(16, reset_less=True)
        octet = Signal()  # its lower half is a new octet
        reading = Signal()
        fcs = Signal(16, reset_less=True)
        m.d.sync += octet.eq(reading & fall & bit[:3].all())
        with m.If(fall):
            m.d.sync += [shift.eq(Cat(self.miso, shift[:-1])), bit.eq(bit + 1)]
        with m.If(octet):
            m.d.sync += fcs.eq(fcs_next(fcs, shift[:8]))
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.comb += [self.o.payload.data.eq(Cat(shift[8:], shift[:8])), self.o.payload.last.eq(end)]

        with m.FSM():
            with m.State("REST"):
                m.d.sync += [left.eq(left - 1), bit.eq(Mux(awake, 0, 24)), fcs.eq(FCS_START)]
                with m.If(end):
                    m.d.sync += self.cs_n.eq(0)
                    m.next = "COMMAND"
            with m.State("COMMAND"):
                m.d.comb += [clocked.eq(1), self.mosi.eq(self._command(bit, awake))]
                with m.If(fall & bit.all()):
                    m.d.sync += [awake.eq(1), self.cs_n.eq(~awake), left.eq(Mux(awake, config.words - 1, rest))]
                    m.next = "REST"
                    with m.If(awake):
                        m.next = "READ"
            with m.State("READ"):
                m.d.comb += [clocked.eq(1), reading.eq(1)]
                with m.If(fall & bit[:4].all()):
                    m.d.sync += [left.eq(left - 1), self.o.valid.eq(~end)]
                    with m.If(end):
                        m.next = "CHECK"
            with m.State("CHECK"), m.If(~octet):
                m.d.sync += [self.cs_n.eq(1), awake.eq(0), left.eq(rest)]
                m.next = "REST"
                with m.If(fcs == GOOD):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
        return m

    def _clock(self, m: Module, clocked: Signal, fall: Signal) -> None:
        """Make the SPI clock: low for half a period, then high for another, or longer if a word waits."""
        half = self.config.half_period
        due = Const(1)
        if half > 1:
            timer = Signal(range(half), init=half - 1)
            due = timer == 0
            with m.If(~clocked):
                m.d.sync += timer.eq(half - 1)
            with m.Elif(~due):
                m.d.sync += timer.eq(timer - 1)
            with m.Elif(~self.sck | fall):
                m.d.sync += timer.eq(half - 1)
        m.d.comb += fall.eq(self.sck & due & (~self.o.valid | self.o.ready))
        with m.If(clocked & due):
            m.d.sync += self.sck.eq(~self.sck | ~fall)

    def _command(self, bit: Signal, awake: Signal) -> Signal:
        """Give a bit of the command: the last 8 of 32 when asleep; an address ends with 8 zeros."""
        both = Const((READ << 24 | self.config.offset | WAKE), 32)
        return Cat(*reversed(both)).bit_select(bit, 1) & ~(awake & bit[3:].all())
