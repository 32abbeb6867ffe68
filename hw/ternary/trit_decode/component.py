# SPDX-License-Identifier: BSD-2-Clause
"""Trit decoder."""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import stream

from gatewright.hw.core.pipe import connect
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.ternary.trit_decode.config import TritDecodeConfig
from gatewright.hw.ternary.trit_decode.decoders import decoder


class TritDecode(RoomComponent):
    """Decode one beat of codes per cycle.

    Members
    -------
    i : In(stream)
        ``code`` (groups,), ``last``.
    o : Out(stream)
        ``trit`` (trits,) in two's complement, ``invalid``, ``last``.
    """

    config: TritDecodeConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: TritDecodeConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Decode every group, then gather the flags."""
        m = Module()
        config, packing = self.config, self.config.code
        early = config.registered == "codes"
        pipe = connect(m, self.i, self.o, config.latency)

        codes = Signal(packing.code_bits * config.groups)
        m.d.comb += codes.eq(pipe(self.i.payload.code.as_value(), "codes", int(early)))
        trits = Signal(2 * config.trits)
        wrong = Signal(config.groups)
        decode = decoder(packing)
        for k in range(config.groups):
            bits, undefined = decode(m, packing, codes.word_select(k, packing.code_bits), f"group_{k}")
            m.d.comb += [trits.word_select(k, 2 * packing.group).eq(bits), wrong[k].eq(undefined)]
        m.d.comb += [
            self.o.payload.trit.as_value().eq(pipe(trits, "trits", int(not early))),
            self.o.payload.invalid.eq(pipe(wrong.any(), "invalid", int(not early))),
        ]
        return m
