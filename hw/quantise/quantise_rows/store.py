# SPDX-License-Identifier: BSD-2-Clause
"""The store where rows wait for their maximum."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out


class RowStore(wiring.Component):
    """Keep beats in a ring; release a row when its peak arrives.

    The peak is written to a second memory, at the address of the row's first beat: one set of
    pointers serves both, and as many rows may wait as beats.

    Parameters
    ----------
    width, peak_bits, address_bits : int
        Width of a beat without its ``last``, width of a peak, and of an address. One place stays empty.
    late : bool
        More beats may have passed when a row's peak arrives: ``close`` marks the end of the row in time.

    Members
    -------
    room : Out(1)
        A place is free.
    push, beat, last : In
        Store a beat; only while ``room``.
    passed : In(1)
        One more beat went into the peaks.
    close : In(1)
        What passed before this cycle ends a row; only with ``late``, and not before the last commit's cycle.
    commit, peak : In
        All that passed after the last commit, and before this cycle or ``close``, is a row with this peak.
    enable : In(1)
        Move the output.
    valid, o_beat, o_last, o_peak : Out
        The output; held unless ``enable``.
    """

    def __init__(self, width: int, peak_bits: int, address_bits: int, late: bool) -> None:
        self.late = late
        self.address_bits = address_bits
        super().__init__({
            "room": Out(1), "push": In(1), "beat": In(width), "last": In(1),
            "passed": In(1), "close": In(1), "commit": In(1), "peak": In(peak_bits),
            "enable": In(1), "valid": Out(1), "o_beat": Out(width), "o_last": Out(1), "o_peak": Out(peak_bits),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Build both memories and four pointers: written, passed, committed, read."""
        m = Module()
        depth = 1 << self.address_bits
        m.submodules.beats = beats = memory.Memory(shape=len(self.beat) + 1, depth=depth, init=[])
        m.submodules.peaks = peaks = memory.Memory(shape=len(self.peak), depth=depth, init=[])
        beat_in, beat_out = beats.write_port(), beats.read_port()
        peak_in, peak_out = peaks.write_port(), peaks.read_port()
        written, passed, committed, read = (
            Signal(self.address_bits, name=name) for name in ("written", "passed", "committed", "read")
        )

        following = (written + 1)[: self.address_bits]
        m.d.comb += [
            self.room.eq(following != read),
            beat_in.addr.eq(written),
            beat_in.data.eq(Cat(self.beat, self.last)),
            beat_in.en.eq(self.push),
        ]
        with m.If(self.push):
            m.d.sync += written.eq(following)
        with m.If(self.passed):
            m.d.sync += passed.eq(passed + 1)

        # The peak lands before its row can be read: both show from the next cycle on.
        m.d.comb += [peak_in.addr.eq(committed), peak_in.data.eq(self.peak), peak_in.en.eq(self.commit)]
        end = Signal(self.address_bits, reset_less=True)
        with m.If(self.close):
            m.d.sync += end.eq(passed)
        with m.If(self.commit):
            m.d.sync += committed.eq(end if self.late else passed)

        # Beats leave their memory one stage before the output, so that whether one starts a row comes from a register.
        # No address is read while it is written. Saying so in the enables spares every bit a bypass from the writer.
        ready, held, starts = Signal(), Signal(), Signal(init=1)
        place = Signal(self.address_bits, reset_less=True)  # of the beat that is held
        m.d.comb += [
            ready.eq(read != committed),
            beat_out.addr.eq(read),
            beat_out.en.eq(self.enable & ready & (read != written)),
            peak_out.addr.eq(place),
            peak_out.en.eq(self.enable & held & starts & ~(self.commit & (place == committed))),
            self.o_peak.eq(peak_out.data),
        ]
        with m.If(beat_out.en):
            m.d.sync += [read.eq(read + 1), place.eq(read)]
        with m.If(self.enable):
            m.d.sync += [held.eq(ready), self.valid.eq(held), Cat(self.o_beat, self.o_last).eq(beat_out.data)]
            with m.If(held):
                m.d.sync += starts.eq(beat_out.data[-1])
        return m
