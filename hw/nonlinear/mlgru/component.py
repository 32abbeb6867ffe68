# SPDX-License-Identifier: BSD-2-Clause
"""Linear recurrence."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.nonlinear.activation.lane import activate, saturate
from gatewright.hw.nonlinear.mlgru.config import DISTANCE, MlgruConfig


class Mlgru(RoomComponent):
    """Read the state, mix it with candidates, write it back in place.

    Members
    -------
    i_job : In(stream)
        ``layer``, ``first``.
    i : In(stream)
        ``f`` (lanes,), ``c`` (lanes,), ``last``.
    i_bound : In(stream)
        ``bound`` (lanes,).
    o : Out(stream)
        ``h`` (lanes,), ``last``.
    """

    config: MlgruConfig
    i_job: stream.Interface
    i: stream.Interface
    i_bound: stream.Interface
    o: stream.Interface

    def __init__(self, config: MlgruConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Read behind the activations, write beside the output's register, `DISTANCE` cycles after."""
        m = Module()
        config, pipe = self.config, Pipe(m)
        m.d.comb += pipe.enable.eq(~self.o.valid | self.o.ready)
        take, stages = Signal(), [Signal(name="valid") for _ in range(config.latency - 2)]
        with m.If(pipe.enable):
            m.d.sync += Cat(*stages, self.o.valid).eq(Cat(take, *stages))
        address, first = self._jobs(m, pipe, take, stages)
        m.d.comb += self.o.payload.last.eq(pipe(self.i.payload.last, "last", len(stages) + 1))

        early = config.activation_latency  # when the memory hears of a beat
        read_address = pipe(address, "address", early)
        write_address = pipe(read_address, "address", DISTANCE - 1)
        first = pipe(first, "first", early + 1)
        shape = config.lanes * config.state_bits
        memory = Memory(shape=shape, depth=self._depth, init=[], attrs={"uninitialised": 1})
        m.submodules.state = memory
        read, write = memory.read_port(), memory.write_port()
        m.d.comb += [
            read.en.eq(pipe.enable), read.addr.eq(read_address),
            write.en.eq(stages[-1]), write.addr.eq(write_address),
        ]  # fmt: skip
        for lane in range(config.lanes):
            part = slice(lane * config.state_bits, (lane + 1) * config.state_bits)
            before = Mux(first, 0, read.data[part]).as_signed()
            after = self._mix(pipe, lane, before)
            m.d.comb += [write.data[part].eq(after), self.o.payload.h[lane].eq(pipe(after, f"lane_{lane}_h"))]
        return m

    def _jobs(self, m: Module, pipe: Pipe, take: Value, stages: list[Signal]) -> tuple[Value, Value]:
        """Go from job to job; give a beat's address and whether its state counts as 0."""
        config, job = self.config, self.i_job.payload
        busy, address, first = Signal(), Signal(range(self._depth), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            take.eq(pipe.enable & busy & self.i.valid & self.i_bound.valid),
            self.i.ready.eq(pipe.enable & busy & self.i_bound.valid),
            self.i_bound.ready.eq(pipe.enable & busy & self.i.valid),
        ]
        if config.beats < DISTANCE:  # the last token's words must be written before the next one's are read
            near = Cat(stages[: DISTANCE - 1 - config.beats]).any()
            m.d.comb += self.i_job.ready.eq(pipe.enable & ~busy & ~near)
        else:
            m.d.comb += self.i_job.ready.eq(~busy | (take & self.i.payload.last))
        with m.If(take):
            m.d.sync += [busy.eq(~self.i.payload.last), address.eq(address + 1)]
        shifts = [bit for bit in range(config.beats.bit_length()) if config.beats >> bit & 1]
        base = sum((job.layer.shift_left(bit) for bit in shifts), Const(0, 1))  # a product would take a DSP
        with m.If(self.i_job.valid & self.i_job.ready):
            m.d.sync += [
                busy.eq(1), first.eq(job.first), address.eq(base if config.layers > 1 else 0),
            ]  # fmt: skip
        return address, first

    @property
    def _depth(self) -> int:
        """Words of the memory; two at least, since Verilog knows no address without bits."""
        return max(2, self.config.layers * self.config.beats)

    def _mix(self, pipe: Pipe, lane: int, before: Value) -> Value:
        """Build a lane up to its last register, exclusive; ``before`` comes one cycle behind the activations.

        One product does, of the forget gate and of how far the state is from the candidate, a whole number of steps.
        """
        config, early, name = self.config, self.config.activation_latency, f"lane_{lane}"
        bits, one = config.forget_bits, 1 << config.forget_bits
        gate, raw = self.i.payload, self.i_bound.payload.bound[lane]
        sigmoid = activate(pipe, config.forget, gate.f[lane], f"{name}_forget")
        sigmoid = pipe(sigmoid, f"{name}_sigmoid", early - config.forget.latency)
        bound = pipe(raw, f"{name}_bound", early - 1)
        product = pipe((pipe(one - bound, f"{name}_rest")[: bits + 1] * sigmoid)[: 2 * bits], f"{name}_pull")
        bound = pipe(bound, f"{name}_bound", 2)
        forget = pipe(_rounded(bound, product, bits)[: bits + 1], f"{name}_gate")

        candidate = activate(pipe, config.candidate, gate.c[lane], f"{name}_candidate")
        candidate = pipe(candidate, f"{name}_silu", early - config.candidate.latency + 1)
        (low, high), state = config.candidate_reach, self.config.outputs[0].field("h")
        way = Signal(Shape.cast(range(state.low - high, state.high - low + 1)), name=f"{name}_way")
        pipe.m.d.comb += way.eq(before - candidate.shift_left(config.state_shift))
        way = pipe(way, f"{name}_way")
        product = pipe((forget * way)[: bits + len(way)].as_signed(), f"{name}_part")
        candidate = pipe(candidate, f"{name}_silu", 2).shift_left(config.state_shift)
        return saturate(_rounded(candidate, product, bits), config.reach, config.state_bits, signed=True)


def _rounded(base: Value, product: Value, shift: int) -> Value:
    """Add a product divided by ``2**shift``, rounded half up: a set bit below the unit turns it into a carry."""
    left, right = Cat(Const(1, 1), base), Cat(product[shift - 1 :])
    if base.shape().signed:
        return (left.as_signed() + right.as_signed())[1:].as_signed()
    return (left + right)[1:]
