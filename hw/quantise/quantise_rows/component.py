# SPDX-License-Identifier: BSD-2-Clause
"""Row quantiser."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.elementary.divide.component import Divide
from gatewright.hw.quantise.quantise_rows import digits, reciprocal
from gatewright.hw.quantise.quantise_rows.config import QuantiseRowsConfig
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
        config, late = self.config, self.config.engine == "reciprocal"
        wide = config.in_bits + (config.reciprocal_bits if late else 0)
        m.submodules.store = store = RowStore(config.lanes * config.in_bits, wide, config.address_bits, late)
        m.d.comb += [
            store.push.eq(self.i.valid & self.i.ready),
            store.beat.eq(self.i.payload.x.as_value()),
            store.last.eq(self.i.payload.last),
        ]
        whole, peak = self._peak(m, store)
        if late:
            self._invert(m, store, whole, peak)
        else:
            m.d.comb += [self.i.ready.eq(store.room), store.commit.eq(whole), store.peak.eq(peak)]
        self._quantise(m, store)
        return m

    def _peak(self, m: Module, store: RowStore) -> tuple[Value, Value]:
        """Find the largest magnitude of each row; tell in which cycle it is whole.

        This part never waits: only what is stored enters.
        """
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
        fresh, whole = Signal(init=1), Signal()  # the next beat starts a row; the one before ended one
        with m.If(valid):
            m.d.sync += fresh.eq(last)
            with m.If(fresh | (keys[0] > peak)):
                m.d.sync += peak.eq(keys[0])
        m.d.sync += whole.eq(valid & last)
        m.d.comb += store.passed.eq(valid)
        return whole, peak[1:] + peak[0]

    def _invert(self, m: Module, store: RowStore, whole: Value, peak: Value) -> None:
        """Divide the levels by the peak, one row at a time.

        At most two rows wait: one in the divider, one in the register of the peak.
        """
        config = self.config
        m.submodules.divide = divide = Divide(config.divide)
        waits = Signal()  # a whole row that found the divider busy
        scale = Signal(config.in_bits, reset_less=True)
        m.d.comb += [
            divide.i.valid.eq(whole | waits),
            divide.i.payload.numerator.eq(config.levels << config.fraction_bits),
            divide.i.payload.divisor.eq(peak),
            divide.o.ready.eq(1),
            store.close.eq(divide.i.valid & divide.i.ready),
            store.commit.eq(divide.o.valid),
            store.peak.eq(Cat(scale, divide.o.payload.quotient[: config.reciprocal_bits])),
        ]
        m.d.sync += waits.eq(divide.i.valid & ~divide.i.ready)
        with m.If(store.close):
            m.d.sync += scale.eq(divide.i.payload.divisor)

        one, two = Signal(), Signal()  # rows that are in and have no reciprocal: at least one, two
        enters = store.push & self.i.payload.last
        m.d.comb += self.i.ready.eq(store.room & ~two)
        with m.If(enters & ~store.commit):
            m.d.sync += [one.eq(1), two.eq(one)]
        with m.If(store.commit & ~enters):
            m.d.sync += [one.eq(two), two.eq(0)]

    def _quantise(self, m: Module, store: RowStore) -> None:
        """Give every beat its quotients and its scale; all stages move together."""
        config, pipe = self.config, Pipe(m)
        m.d.comb += [pipe.enable.eq(~self.o.valid | self.o.ready), store.enable.eq(pipe.enable)]
        x = [store.o_beat[low : low + config.in_bits] for low in range(0, len(store.o_beat), config.in_bits)]
        engine = reciprocal.quotients if config.engine == "reciprocal" else digits.quotients
        found, scale = engine(config, pipe, x, store.o_peak)
        for q, quotient in zip(self.o.payload.q, found, strict=True):
            m.d.comb += q.eq(pipe(quotient, "q"))
        m.d.comb += self.o.payload.scale.eq(pipe(scale, "scale"))

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
