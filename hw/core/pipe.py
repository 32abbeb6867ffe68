# SPDX-License-Identifier: BSD-2-Clause
"""Pipeline registers under one enable."""

from amaranth import Module, Shape, Signal, Value


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
