# SPDX-License-Identifier: BSD-2-Clause
"""MLP core: activation store, weight and parameter memories, a fixed schedule, one GEMM engine."""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import stream
from amaranth.lib.memory import Memory

from gatewright.hw.accel.mlp_core.config import CYCLES_BYTES, MlpCoreConfig
from gatewright.hw.core.streams import RoomComponent
from gatewright.hw.mac.gemm.component import Gemm
from gatewright.hw.memory.rom.component import Rom
from gatewright.hw.memory.rom.config import RomConfig


class MlpCore(RoomComponent):
    """Load an input, run every layer, send the output.

    Members
    -------
    i : In(stream)
        ``data`` signed 8, ``last``, ``good``.
    o : Out(stream)
        ``data`` signed 8, ``last``.
    busy : Out(1)
        High while layers run.
    """

    config: MlpCoreConfig
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: MlpCoreConfig) -> None:
        super().__init__(config)

    def elaborate(self, platform: Any) -> Module:
        """Build the memories, the engine, and the schedule that joins them."""
        m = Module()
        config = self.config
        m.submodules.gemm = self.gemm = gemm = Gemm(config.gemm)
        weights = self._cyclic_rom(m, "weights", config.weight_words, config.gemm.inputs[2].bits - 1)
        params = self._cyclic_rom(m, "params", config.param_words, config.gemm.inputs[3].bits)
        m.d.comb += [
            gemm.i_b.valid.eq(weights.o.valid),
            gemm.i_b.payload.b.eq(weights.o.payload.data),
            weights.o.ready.eq(gemm.i_b.ready),
            gemm.i_param.valid.eq(params.o.valid),
            gemm.i_param.payload.eq(params.o.payload.data),
            params.o.ready.eq(gemm.i_param.ready),
        ]
        self._store(m)
        self._schedule(m)
        return m

    def _cyclic_rom(self, m: Module, name: str, words: tuple[int, ...], width: int) -> Rom:
        """Stream a memory's words round and round: an inference consumes exactly one round."""
        depth = max(2, len(words))
        # Two rounds where one is too short for an address.
        image = words if len(words) > 1 else words * 2
        m.submodules[name] = rom = Rom(RomConfig(depth=depth, width=width, contents=image))
        address = Signal(range(depth), name=f"{name}_address")
        m.d.comb += [rom.i.valid.eq(1), rom.i.payload.address.eq(address)]
        with m.If(rom.i.ready):
            m.d.sync += address.eq(Mux(address == len(image) - 1, 0, address + 1))
        return rom

    def _store(self, m: Module) -> None:
        """Build the activation store: two banks of ``bank_words``, octet writes, word reads as a stream."""
        config = self.config
        lane_bits = (config.depth - 1).bit_length()
        self.index = index = Signal(range(config.bank_words * config.depth + 1))
        self.bank = Signal()
        self.write, self.octet, self.write_bank = Signal(), Signal(signed(8)), Signal()
        shape = config.depth * 8
        m.submodules.store = store = Memory(shape=shape, depth=2 * config.bank_words, init=[])
        put = store.write_port(granularity=8 if config.depth > 1 else None)
        word = index[lane_bits : lane_bits + (config.bank_words - 1).bit_length()]
        m.d.comb += [
            put.addr.eq(Cat(word, self.write_bank)),
            put.data.eq(Cat(*[self.octet] * config.depth)),
            put.en.eq(Mux(self.write, 1 << index[:lane_bits], 0) if lane_bits else self.write),
        ]
        get = store.read_port()
        self.ask, self.ask_word, self.ask_last = Signal(), Signal(len(word)), Signal()
        self.asked = Signal()  # the question is taken
        self.word_valid, self.word_taken = Signal(), Signal()
        self.word, self.word_last = get.data, Signal()
        m.d.comb += [
            self.asked.eq(self.ask & get.en),
            get.en.eq(~self.word_valid | self.word_taken),
            get.addr.eq(Cat(self.ask_word, self.bank)),
        ]
        with m.If(get.en):
            m.d.sync += [self.word_valid.eq(self.ask), self.word_last.eq(self.ask_last)]

    def _schedule(self, m: Module) -> None:
        """Load, run layer by layer, reply."""
        config = self.config
        i, o = self.i, self.o
        layer = Signal(range(len(config.layers)))
        cycles = Signal(8 * CYCLES_BYTES)
        self.walking = Signal()  # activations of this layer are still to be addressed
        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += [i.ready.eq(1), self.octet.eq(i.payload.data), self.write.eq(i.valid)]
                with m.If(i.valid):
                    m.d.sync += self.index.eq(self.index + 1)
                    with m.If(i.payload.last):
                        m.d.sync += [self.index.eq(0), cycles.eq(0)]
                        with m.If(i.payload.good):
                            m.d.sync += self.walking.eq(1)
                            m.next = "RUN"
            with m.State("RUN"):
                m.d.sync += cycles.eq(cycles + 1)
                done = self._layer(m, layer)
                with m.If(done):
                    m.d.sync += [self.index.eq(0), self.bank.eq(~self.bank), self.walking.eq(1), layer.eq(layer + 1)]
                    with m.If(layer == len(config.layers) - 1):
                        m.d.sync += [layer.eq(0), self.walking.eq(0)]
                        m.next = "READ"
            with m.State("READ"):
                m.d.comb += [self.ask.eq(1), self.ask_word.eq(self.index >> (config.depth - 1).bit_length())]
                with m.If(self.asked):
                    m.next = "SEND"
            with m.State("SEND"):
                lane = self.index[: (config.depth - 1).bit_length()]
                m.d.comb += [
                    o.valid.eq(self.word_valid),
                    o.payload.data.eq(self.word.word_select(lane, 8) if len(lane) else self.word),
                    self.word_taken.eq(o.ready),
                ]
                with m.If(o.valid & o.ready):
                    m.d.sync += self.index.eq(self.index + 1)
                    m.next = "READ"
                    with m.If(self.index == config.output_bytes - 1):
                        m.d.sync += self.index.eq(0)
                        m.next = "COUNT"
            with m.State("COUNT"):
                m.d.comb += [
                    o.valid.eq(1),
                    o.payload.data.eq(cycles[:8]),
                    o.payload.last.eq(self.index == CYCLES_BYTES - 1),
                ]
                with m.If(o.ready):
                    m.d.sync += [self.index.eq(self.index + 1), cycles.eq(cycles >> 8)]
                    with m.If(o.payload.last):
                        m.d.sync += [self.index.eq(0), self.bank.eq(0)]
                        m.next = "LOAD"

    def _layer(self, m: Module, layer: Signal) -> Signal:
        """Run one layer: walk over its activations once per column tile, store what comes out."""
        config, gemm = self.config, self.gemm
        words = Array(Const(config.words(item) - 1, range(config.bank_words)) for item in config.layers)[layer]
        most = max(config.tiles(item) for item in config.layers)
        tiles = Array(Const(config.tiles(item) - 1, range(max(2, most))) for item in config.layers)[layer]
        word, tile = Signal(range(max(2, config.bank_words))), Signal(range(max(2, most)))
        m.d.comb += [
            gemm.i_command.valid.eq(1),
            gemm.i_command.payload.m_tiles.eq(1),
            gemm.i_command.payload.m_rest.eq(1),
            gemm.i_command.payload.n_tiles.eq(tiles + 1),
            self.ask.eq(self.walking),
            self.ask_word.eq(word),
            self.ask_last.eq(word == words),
            gemm.i_a.valid.eq(self.word_valid),
            gemm.i_a.payload.a.eq(self.word),
            gemm.i_a.payload.last.eq(self.word_last),
            gemm.i_b.payload.last.eq(self.word_last),  # the engine takes both operands in the same cycle
            self.word_taken.eq(gemm.i_a.ready),
        ]
        with m.If(self.asked):
            m.d.sync += word.eq(word + 1)
            with m.If(self.ask_last):
                m.d.sync += [word.eq(0), tile.eq(tile + 1)]
                with m.If(tile == tiles):
                    m.d.sync += [tile.eq(0), self.walking.eq(0)]
        done = Signal()
        code = self._finish(m, layer, gemm.o.payload.q[0])
        m.d.comb += [
            gemm.o.ready.eq(1),
            self.write.eq(gemm.o.valid),
            self.octet.eq(code),
            self.write_bank.eq(~self.bank),
            done.eq(gemm.o.valid & gemm.o.payload.last),
        ]
        with m.If(gemm.o.valid):
            m.d.sync += self.index.eq(self.index + 1)
        return done

    def _finish(self, m: Module, layer: Signal, code: Any) -> Any:
        """Add the layer's zero point and apply its ReLU; both commute with the engine's saturation."""
        layers = self.config.layers
        relu = Array(Const(int(item.relu), 1) for item in layers)[layer]
        if not self.config.affine:
            return Mux(relu & (code < 0), 0, code)
        zero = Array(Const(item.zero_point, signed(8)) for item in layers)[layer]
        low = Mux(relu, zero, -128)
        moved = Signal(signed(self.config.code_bits + 1))
        m.d.comb += moved.eq(code + zero)
        return Mux(moved < low, low, Mux(moved > 127, 127, moved))
