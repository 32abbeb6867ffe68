# SPDX-License-Identifier: BSD-2-Clause
"""Row quantiser."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig
from gatewright.hw.quantise.quantise_rows.division import double, finish, register, start, step
from gatewright.hw.quantise.quantise_rows.store import RowStore


class QuantiseRows(RoomComponent):
    """Divide each row by its largest magnitude and round to ``out_bits``.

    Members
    -------
    i : In(stream)
        ``x`` (lanes,), ``last``.
    o : Out(stream)
        ``q`` (lanes,), ``scale``, ``last``.
    """

    config: QuantiseRowsConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: QuantiseRowsConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Store the row while its peak is found; then divide every beat by the peak."""
        m = Module()
        config = self.config
        m.submodules.store = store = RowStore(config.lanes * config.in_bits, config.in_bits, config.address_bits)
        m.d.comb += [
            self.i.ready.eq(store.room),
            store.push.eq(self.i.valid & self.i.ready),
            store.beat.eq(self.i.payload.x.as_value()),
            store.last.eq(self.i.payload.last),
        ]
        self._peak(m, store)
        self._divide(m, store)
        return m

    def _peak(self, m: Module, store: RowStore) -> None:
        """Find the largest magnitude of each row. It never waits: only what is stored enters."""
        pipe = Pipe(m)
        m.d.comb += pipe.enable.eq(1)
        # Ones' complement and sign compare like the magnitude, for which a negative number needs a carry.
        keys = [pipe(_key(self.i.payload.x[lane]), "key") for lane in range(self.config.lanes)]
        while len(keys) > 1:
            larger = [pipe(Mux(a > b, a, b), "larger") for a, b in zip(keys[::2], keys[1::2], strict=False)]
            keys = larger + [pipe(key, "odd") for key in keys[2 * len(larger) :]]

        last = pipe(self.i.payload.last, "last", 1 + self.config.tree_levels)
        valid: Value = store.push
        for _ in range(1 + self.config.tree_levels):
            earlier, valid = valid, Signal(name="valid")
            m.d.sync += valid.eq(earlier)

        peak = Signal(self.config.in_bits, reset_less=True)
        fresh = Signal(init=1)  # the next beat starts a row
        with m.If(valid):
            m.d.sync += fresh.eq(last)
            with m.If(fresh | (keys[0] > peak)):
                m.d.sync += peak.eq(keys[0])
        m.d.sync += store.commit.eq(valid & last)
        m.d.comb += [store.passed.eq(valid), store.peak.eq(peak[1:] + peak[0])]

    def _divide(self, m: Module, store: RowStore) -> None:
        config, pipe = self.config, Pipe(m)
        m.d.comb += [pipe.enable.eq(~self.o.valid | self.o.ready), store.enable.eq(pipe.enable)]

        # A row of zeros is divided by 1.
        zero = store.o_peak == 0
        lanes = [start(config, pipe, x) for x in _elements(store.o_beat, config.in_bits)]
        peak, zero = pipe(store.o_peak | zero, "divisor"), pipe(zero, "zero")
        for index in range(config.out_bits):
            if index > 0:
                lanes = [double(lane) for lane in lanes]
            lanes = [step(m, lane, peak) for lane in lanes]
            if (index + 1) % config.bits_per_stage == 0 or index + 1 == config.out_bits:
                lanes = [register(pipe, lane) for lane in lanes]
                peak, zero = pipe(peak, "divisor"), pipe(zero, "zero")

        for lane, q in zip(lanes, self.o.payload.q, strict=True):
            m.d.comb += q.eq(pipe(finish(lane), "q"))
        m.d.comb += self.o.payload.scale.eq(pipe(Cat(peak[0] & ~zero, peak[1:]), "scale"))

        depth = config.stages + 2
        m.d.comb += self.o.payload.last.eq(pipe(store.o_last, "last", depth))
        valid: Value = store.valid
        for _ in range(depth - 1):
            earlier, valid = valid, Signal(name="valid")
            with m.If(pipe.enable):
                m.d.sync += valid.eq(earlier)
        with m.If(pipe.enable):
            m.d.sync += self.o.valid.eq(valid)


def _key(x: Value) -> Value:
    sign = x[-1]
    return Cat(sign, x[:-1] ^ sign.replicate(len(x) - 1))


def _elements(beat: Value, bits: int) -> list[Value]:
    return [beat[low : low + bits] for low in range(0, len(beat), bits)]
