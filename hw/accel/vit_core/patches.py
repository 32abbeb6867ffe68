# SPDX-License-Identifier: BSD-2-Clause
"""Take an image pixel by pixel; keep it patch by patch."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.program import Kind, Source


class Patches(wiring.Component):
    """Write pixels to their patch's row; row 0 stays zero, for the token that stands for no patch.

    Members
    -------
    enable, data : In
        A pixel comes.
    restart : In(1)
        The next pixel is an image's first.

    Attributes
    ----------
    port : ReadPort
        Rows of patches.
    """

    def __init__(self, config: VitCoreConfig) -> None:
        self.config = config
        self.memory = Memory(shape=8 * config.inputs_per_cycle, depth=config.depth(Source.PATCHES), init=[])
        self.port = self.memory.read_port()
        super().__init__({"enable": In(1), "data": In(8), "restart": In(1)})

    def elaborate(self, platform: Any) -> Module:
        """Count column, patch, line and row of patches; a patch's octets are in order of plane, line, column."""
        m = Module()
        config = self.config
        m.submodules.memory = self.memory
        side, across, wide = config.patch, config.width // config.patch, config.inputs_per_cycle
        put, blocks = self.memory.write_port(granularity=8), config.blocks(Kind.EMBED)
        column, line = Signal(range(max(2, side))), Signal(range(max(2, side)))
        patch, above = Signal(range(max(2, across))), Signal(range(max(2, config.height // side)))
        start = Signal(range(max(2, config.patch_bytes)))  # of the line within the patch
        row = Signal(range(config.tokens))  # the first of the line's patches
        octet = Signal(range(max(wide, config.patch_bytes)))
        shift = (wide - 1).bit_length()
        m.d.comb += [
            octet.eq(start + column), put.addr.eq((row + patch + 1) * blocks + (octet >> shift)),
            put.data.eq(Cat([self.data] * wide)),
            put.en.eq(Cat(self.enable & (octet[:shift] == lane) for lane in range(wide)) if wide > 1 else self.enable),
        ]  # fmt: skip
        column_ends, patch_ends, line_ends = column == side - 1, patch == across - 1, line == side - 1
        plane_ends = above == config.height // side - 1
        with m.If(self.enable):
            m.d.sync += column.eq(Mux(column_ends, 0, column + 1))
            with m.If(column_ends):
                m.d.sync += patch.eq(Mux(patch_ends, 0, patch + 1))
            with m.If(column_ends & patch_ends):
                m.d.sync += [line.eq(Mux(line_ends, 0, line + 1)), start.eq(start + side)]
            with m.If(column_ends & patch_ends & line_ends):
                m.d.sync += [above.eq(Mux(plane_ends, 0, above + 1)), row.eq(Mux(plane_ends, 0, row + across))]
                with m.If(~plane_ends):  # back to the plane's first line, in the patches below
                    m.d.sync += start.eq(start - (side - 1) * side)
        with m.If(self.restart):
            m.d.sync += [register.eq(0) for register in (column, patch, line, above, start, row)]
        return m
