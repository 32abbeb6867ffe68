# SPDX-License-Identifier: BSD-2-Clause
"""Linear engine."""

from typing import Any

from amaranth import Module, Value
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.dataflow.fifo.component import Fifo
from gatewright.hw.mac.gemm.component import Gemm
from gatewright.hw.mac.gemm.finish import finish_lanes, next_lanes
from gatewright.hw.moe.linear.config import LinearConfig
from gatewright.hw.quantise.requantise.component import Requantise
from gatewright.hw.ternary.ternary_matvec.component import TernaryMatvec


class Linear(RoomComponent):
    """Multiply rows with matrices; add biases, scale, saturate.

    Members
    -------
    i_job : In(stream)
        ``tiles``; int8 weights only.
    i_x, i_w : In(stream)
        ``x`` (inputs_per_cycle,) and ``code``, ``last``: in step for int8 weights; see tlmm for ternary ones.
    i_param : In(stream)
        ``bias``, ``multiplier``, ``shift``, each (lanes,).
    o : Out(stream)
        ``y`` (lanes,), ``last``.
    """

    config: LinearConfig
    i_x: stream.Interface
    i_w: stream.Interface
    i_param: stream.Interface
    o: stream.Interface

    def __init__(self, config: LinearConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Put the array for the kind of weights behind the streams."""
        m = Module()
        if self.config.ternary:
            self._ternary(m)
        else:
            self._int8(m)
        return m

    def _int8(self, m: Module) -> None:
        m.submodules.gemm = gemm = Gemm(self.config.gemm)
        tiles = self.i_job.payload.tiles
        _join(m, self.i_job, gemm.i_command, m_tiles=1, m_rest=1, n_tiles=tiles)
        _join(m, self.i_x, gemm.i_a, last=self.i_x.payload.last)
        m.d.comb += gemm.i_a.payload.a.as_value().eq(self.i_x.payload.x.as_value())
        _join(m, self.i_w, gemm.i_b, last=self.i_w.payload.last)
        for output, row in enumerate(self.i_w.payload.code):
            for term in range(self.config.inputs_per_cycle):
                m.d.comb += gemm.i_b.payload.b[term][output].eq(row[term])
        _join(m, self.i_param, gemm.i_param)
        m.d.comb += gemm.i_param.payload.as_value().eq(self.i_param.payload.as_value())
        _join(m, gemm.o, self.o)
        m.d.comb += self.o.payload.as_value().eq(gemm.o.payload.as_value())

    def _ternary(self, m: Module) -> None:
        """Let the sums of a row, which come all at once, wait in a queue."""
        config = self.config
        m.submodules.matvec = unit = TernaryMatvec(config.matvec)
        m.submodules.queue = queue = Fifo(config.queue)
        m.submodules.requantise = requantise = Requantise(config.requantise)
        for source, sink in ((self.i_x, unit.i_x), (self.i_w, unit.i_w)):
            _join(m, source, sink)
            m.d.comb += sink.payload.as_value().eq(source.payload.as_value())
        _join(m, unit.o, queue.i, data=unit.o.payload.y.as_value(), last=unit.o.payload.last)
        taken = requantise.i.valid & requantise.i.ready
        bits = config.matvec.result.bits
        lanes, final = next_lanes(m, queue.o.payload.data, config.lanes * bits, config.groups, taken)
        sums = [lanes.word_select(lane, bits).as_signed() for lane in range(config.lanes)]
        finish_lanes(m, requantise.i, sums, self.i_param, queue.o.valid, 1)
        m.d.comb += [queue.o.ready.eq(taken & final), requantise.i.payload.last.eq(queue.o.payload.last & final)]
        _join(m, requantise.o, self.o)
        m.d.comb += self.o.payload.as_value().eq(requantise.o.payload.as_value())


def _join(m: Module, source: Any, sink: Any, **fields: Value | int) -> None:
    """Connect handshakes, and the named fields of the payload."""
    m.d.comb += [sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
    m.d.comb += [getattr(sink.payload, name).eq(value) for name, value in fields.items()]
