# SPDX-License-Identifier: BSD-2-Clause
"""Trit encoder."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream

from gatewright.hw.core.pipe import connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.ternary.trit_encode.config import TritEncodeConfig
from gatewright.hw.ternary.trit_encode.encoders import encoder


class TritEncode(RoomComponent):
    """Pack one beat of trits per cycle.

    Members
    -------
    i : In(stream)
        ``trit`` (trits,) in two's complement, ``last``.
    o : Out(stream)
        ``code`` (groups,), ``invalid``, ``last``.
    """

    config: TritEncodeConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: TritEncodeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Pack every group; one register holds the codes."""
        m = Module()
        config, packing = self.config, self.config.code
        pipe = connect(m, self.i, self.o, config.latency)

        fields = self.i.payload.trit.as_value()
        codes = Signal(packing.code_bits * config.groups)
        wrong = Signal(config.trits)
        encode = encoder(packing)
        for k in range(config.groups):
            group = fields.word_select(k, 2 * packing.group)
            trits = [group.word_select(place, 2) for place in range(packing.group)]
            m.d.comb += codes.word_select(k, packing.code_bits).eq(encode(m, packing, trits, f"group_{k}"))
        for k in range(config.trits):
            m.d.comb += wrong[k].eq(fields[2 * k + 1] & ~fields[2 * k])
        m.d.comb += [
            self.o.payload.code.as_value().eq(pipe(codes, "codes")),
            self.o.payload.invalid.eq(pipe(wrong.any(), "invalid")),
        ]
        return m
