# SPDX-License-Identifier: BSD-2-Clause
"""GEMM engine."""

from typing import Any

from amaranth import Const, Module, Signal, Value
from amaranth.lib import stream

from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.cube.component import Cube
from gatewright.hw.mac.gemm.config import GemmConfig
from gatewright.hw.mac.gemm.finish import finish_lanes, next_lanes
from gatewright.hw.mac.gemm.partial import Partial
from gatewright.hw.mac.systolic_os.component import SystolicOs
from gatewright.hw.mac.systolic_os.config import SystolicOsConfig
from gatewright.hw.mac.systolic_ws.component import SystolicWs
from gatewright.hw.mac.systolic_ws.config import SystolicWsConfig
from gatewright.hw.memory.ping_pong.component import PingPong
from gatewright.hw.quantise.requantise.component import Requantise


class Gemm(RoomComponent):
    """Feed an array from two operand streams, and finish the rows that it gives.

    Members
    -------
    i_command : In(stream)
        ``m_tiles``, ``m_rest``, ``n_tiles``; taken when the product's last row has left the array.
    i_a, i_b : In(stream)
        ``a`` (rows, depth) and ``b`` (depth, cols), ``last``: a packet per operand tile.
    i_param : In(stream)
        ``bias``, ``multiplier``, ``shift`` of ``lanes`` columns; requantised output only.
    o : Out(stream)
        ``q`` or ``sum`` (lanes,), ``last``.

    Operand packets delimit the tiles, so this side needs no counters but those that decide
    whether a tile of A is kept. The command is held by its source and read by both sides.
    """

    config: GemmConfig
    i_command: stream.Interface
    i_a: stream.Interface
    i_b: stream.Interface
    i_param: stream.Interface
    o: stream.Interface

    def __init__(self, config: GemmConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build operand path, array and result path."""
        m = Module()
        rows = self._weight_stationary(m) if self.config.dataflow == "ws" else self._output_stationary(m)
        self._results(m, rows)
        return m

    def _weight_stationary(self, m: Module) -> Any:
        """Stream operands into the array; it holds one weight tile and takes in the next meanwhile."""
        shape = self.config.array
        assert isinstance(shape, SystolicWsConfig)
        m.submodules.array = array = SystolicWs(shape)
        m.submodules.partial = partial = Partial(self.config)
        for port, target, name, source in (
            (self.i_a, array.i, "a", "a"),
            (self.i_b, array.i_weight, "w", "b"),
            (array.o, partial.i, "sum", "sum"),
        ):
            m.d.comb += [
                target.valid.eq(port.valid),
                getattr(target.payload, name).eq(getattr(port.payload, source)),
                target.payload.last.eq(port.payload.last),
                port.ready.eq(target.ready),
            ]
        m.d.comb += [
            partial.k_tiles.eq(self.i_command.payload.k_tiles),
            partial.enable.eq(self.i_command.valid),
        ]
        return partial.o

    def _output_stationary(self, m: Module) -> Any:
        """Join operands, buffered if asked for, into the array."""
        shape = self.config.array
        assert not isinstance(shape, SystolicWsConfig)
        m.submodules.array = array = SystolicOs(shape) if isinstance(shape, SystolicOsConfig) else Cube(shape)
        a, b = self._buffers(m) if self.config.operand_buffers else (self.i_a, self.i_b)
        m.d.comb += [
            array.i.valid.eq(a.valid & b.valid),
            array.i.payload.a.eq(_data(a, "a")),
            array.i.payload.b.eq(_data(b, "b")),
            array.i.payload.last.eq(b.payload.last),
            a.ready.eq(array.i.ready & b.valid),
            b.ready.eq(array.i.ready & a.valid),
        ]
        return array.o

    def _buffers(self, m: Module) -> tuple[Any, Any]:
        """Put tile buffers between the operand streams and the array; ask for tiles of A."""
        for_a, for_b = self.config.buffers
        m.submodules.buffer_a = a = PingPong(for_a)
        m.submodules.buffer_b = b = PingPong(for_b)
        for buffer, port, name in ((a, self.i_a, "a"), (b, self.i_b, "b")):
            m.d.comb += [
                buffer.i.valid.eq(port.valid),
                buffer.i.payload.data.eq(getattr(port.payload, name)),
                buffer.i.payload.last.eq(port.payload.last),
                port.ready.eq(buffer.i.ready),
            ]
        # All tiles of a product are asked for ahead of its results; then wait for the next command.
        asked = Signal()
        step = a.i_play.valid & a.i_play.ready
        final_n, final_m = self._count_tiles(m, step, "asked")
        m.d.comb += [
            a.i_play.valid.eq(self.i_command.valid & ~asked),
            a.i_play.payload.keep.eq(~final_n),
        ]
        with m.If(step & final_n & final_m):
            m.d.sync += asked.eq(1)
        with m.If(self.i_command.ready):
            m.d.sync += asked.eq(0)
        return a.o, b.o

    def _count_tiles(self, m: Module, step: Value, name: str) -> tuple[Value, Value]:
        """Count column tiles within row tiles; say whether the present one is the last of either."""
        command = self.i_command.payload
        finals = []
        for axis, tiles in (("n", command.n_tiles), ("m", command.m_tiles)):
            count = Signal(len(tiles), name=f"{name}_{axis}")
            following = Signal(len(tiles), name=f"{name}_{axis}_next")
            final = Signal(name=f"{name}_{axis}_final")
            m.d.comb += [following.eq(count + 1), final.eq(following == tiles)]
            with m.If(step):
                m.d.sync += count.eq(following)
                with m.If(final):
                    m.d.sync += count.eq(0)
            step = step & final
            finals.append(final)
        return finals[0], finals[1]

    def _results(self, m: Module, rows: Any) -> None:
        """Drop rows of padding, cut rows into lanes, finish them, end the product."""
        sink = self._sink(m)
        taken = sink.valid & sink.ready

        left = rows.valid & rows.ready & rows.payload.last
        final_n, final_m = self._count_tiles(m, left, "done")
        m.d.comb += self.i_command.ready.eq(left & final_n & final_m)

        wanted, last_wanted = self._padding(m, rows, final_m)
        lanes, last_group = next_lanes(
            m, rows.payload.as_value(), self.config.lanes * self.config.acc_bits, self.config.groups, taken
        )
        use = rows.valid & self.i_command.valid & wanted
        self._finish(m, sink, lanes, use, last_wanted)
        m.d.comb += [
            rows.ready.eq(self.i_command.valid & ((taken & last_group) | ~wanted)),
            sink.payload.last.eq(last_wanted & last_group & final_n & final_m),
        ]

    def _padding(self, m: Module, rows: Any, final_m: Value) -> tuple[Value, Value]:
        """Say whether the present row is wanted, and the last such of its tile."""
        if self.config.dataflow == "ws":  # the source sends no rows of padding
            return Const(1, 1), rows.payload.last
        if self.config.rows == 1:
            return Const(1, 1), Const(1, 1)
        rest = self.i_command.payload.m_rest
        row = Signal(range(self.config.rows))
        wanted, last_wanted = Signal(), Signal()
        m.d.comb += [
            wanted.eq(~final_m | (row < rest)),
            last_wanted.eq(rows.payload.last | (final_m & (row + 1 == rest))),
        ]
        with m.If(rows.valid & rows.ready):
            m.d.sync += row.eq(row + 1)
            with m.If(rows.payload.last):
                m.d.sync += row.eq(0)
        return wanted, last_wanted

    def _sink(self, m: Module) -> Any:
        """Give the stream that takes accumulators: the requantiser's, or the output itself."""
        if self.config.output == "accumulator":
            return self.o
        m.submodules.requantise = requantise = Requantise(self.config.requantise)
        m.d.comb += [
            self.o.valid.eq(requantise.o.valid),
            self.o.payload.eq(requantise.o.payload),
            requantise.o.ready.eq(self.o.ready),
        ]
        return requantise.i

    def _finish(self, m: Module, sink: Any, lanes: Signal, use: Value, last_row: Value) -> None:
        """Connect the lanes to the sink, with bias and scale if there are any."""
        config = self.config
        if config.output == "accumulator":
            m.d.comb += [sink.valid.eq(use), sink.payload.sum.as_value().eq(lanes)]
            return
        # One beat serves all rows of a tile if it spans the array; else beats come row by row.
        done = last_row if config.groups == 1 else 1
        sums = [lanes.word_select(lane, config.acc_bits).as_signed() for lane in range(config.lanes)]
        finish_lanes(m, sink, sums, self.i_param, use, done)


def _data(port: Any, name: str) -> Value:
    """Give a port's data, which a tile buffer holds as one word."""
    names = [member for member, _ in port.payload.shape()]
    return port.payload.data if "data" in names else getattr(port.payload, name)
