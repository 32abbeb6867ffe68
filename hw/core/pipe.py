# SPDX-License-Identifier: BSD-2-Clause
"""Pipeline registers under one enable."""

from amaranth import Module, Shape, Signal, Value
from amaranth.lib import stream


class Pipe:
    """Registers that share one enable."""

    def __init__(self, m: Module) -> None:
        self.m = m
        self.enable = Signal()

    def __call__(self, value: Value, name: str, cycles: int = 1) -> Value:
        """Delay a value; payload needs no reset because valid has one."""
        for _ in range(cycles if len(value) else 0):  # Verilog knows no empty vector
            register = Signal(Shape.cast(value.shape()), name=name, reset_less=True)
            with self.m.If(self.enable):
                self.m.d.sync += register.eq(value)
            value = register
        return value


def connect(m: Module, i: stream.Interface, o: stream.Interface, latency: int) -> Pipe:
    """Open a pipe of ``latency`` registers from one stream to another; only the payload is left to drive.

    Carries ``valid`` along, and ``last`` if both payloads have it. One enable stalls every stage: it
    costs one gate, and an idle stage never blocks a full one. Ready follows the output's ready in the
    same cycle.
    """
    pipe = Pipe(m)
    m.d.comb += [pipe.enable.eq(~o.valid | o.ready), i.ready.eq(pipe.enable)]
    valid = i.valid
    for _ in range(latency - 1):
        earlier, valid = valid, Signal(name="valid")
        with m.If(pipe.enable):
            m.d.sync += valid.eq(earlier)
    with m.If(pipe.enable):
        m.d.sync += o.valid.eq(valid)
    if hasattr(i.payload, "last") and hasattr(o.payload, "last"):
        m.d.comb += o.payload.last.eq(pipe(i.payload.last, "last", latency))
    return pipe
