# SPDX-License-Identifier: BSD-2-Clause
"""Drive a stream room in bulk: whole streams in, whole streams and cycle counts out."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import VerificationError
from gatewright.hw.core.ports import Beats, StreamPort, beat_count
from gatewright.tb.fast.build import shared_library

_HEAD = """\
#include "Vtop.h"
#include "verilated.h"
#include <cstdint>
#include <cstring>
static uint64_t state;
static inline uint32_t draw() {  // xorshift64*: stalls need no better randomness
    state ^= state >> 12; state ^= state << 25; state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717ull) >> 32);
}
static inline bool go(uint32_t chance) { return chance == 0xffffffffu || draw() < chance; }
"""

_BODY = """\
extern "C" void* model_open() { auto* top = new Vtop; top->clk = 0; top->rst = 1; return top; }
extern "C" void model_close(void* m) { auto* top = (Vtop*)m; top->final(); delete top; }
static void edge(Vtop* top) { top->clk = 1; top->eval(); top->clk = 0; top->eval(); }
extern "C" void model_reset(void* m) {
    auto* top = (Vtop*)m;
    for (int i = 0; i < INPUTS; i++) set_valid(top, i, false);
    for (int i = 0; i < OUTPUTS; i++) set_ready(top, i, false);
    top->rst = 1; top->eval(); edge(top); edge(top); top->rst = 0; top->eval();
}
// Returns cycles run. marks: first input, first output and last output transfer.
extern "C" int64_t model_run(void* m, const uint32_t* const* data, const int64_t* count, uint32_t* const* out,
        const int64_t* want, int64_t* got, int64_t* marks, int64_t quiet_limit, uint32_t go_in, uint32_t go_out,
        uint64_t seed) {
    auto* top = (Vtop*)m;
    int64_t at[INPUTS ? INPUTS : 1] = {0}, cycle = 0, quiet = 0;
    bool offered[INPUTS ? INPUTS : 1] = {false}, ready[OUTPUTS ? OUTPUTS : 1] = {false};
    state = seed * 2 + 1; marks[0] = marks[1] = marks[2] = -1;
    for (int j = 0; j < OUTPUTS; j++) got[j] = 0;
    while (quiet < quiet_limit) {
        bool done = true, moved = false;
        for (int i = 0; i < INPUTS; i++) {
            if (at[i] < count[i]) done = false;
            if (!offered[i] && at[i] < count[i] && go(go_in)) {
                offered[i] = true; set_data(top, i, data[i] + at[i] * IN_WORDS[i]);
            }
            set_valid(top, i, offered[i]);
        }
        for (int j = 0; j < OUTPUTS; j++) {
            if (got[j] < want[j]) done = false;
            ready[j] = go(go_out); set_ready(top, j, ready[j]);
        }
        if (done) break;
        top->eval();
        for (int i = 0; i < INPUTS; i++) if (offered[i] && get_ready(top, i)) {
            offered[i] = false; at[i]++; moved = true;
            if (marks[0] < 0) marks[0] = cycle;
        }
        for (int j = 0; j < OUTPUTS; j++) if (ready[j] && get_valid(top, j)) {
            if (got[j] < want[j]) get_data(top, j, out[j] + got[j] * OUT_WORDS[j]);
            got[j]++; moved = true;
            if (marks[1] < 0) marks[1] = cycle;
            marks[2] = cycle;
        }
        edge(top); cycle++; quiet = moved ? 0 : quiet + 1;
    }
    for (int i = 0; i < INPUTS; i++) set_valid(top, i, false);
    for (int j = 0; j < OUTPUTS; j++) set_ready(top, j, false);
    top->eval();
    return cycle;
}
"""


class Streamed(Protocol):
    """What a simulation has to know of a module: a room's config does."""

    @property
    def room(self) -> str:
        """What messages call it."""

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Input streams."""

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Output streams."""


@dataclass(frozen=True)
class Run:
    """Outputs of one bulk run, and its cycle marks counted from the run's start."""

    outputs: dict[str, Beats]
    cycles: int
    first_in: int
    first_out: int
    last_out: int

    @property
    def span(self) -> int:
        """Cycles from the first input transfer to the last output transfer, both included."""
        return self.last_out - self.first_in + 1


class StreamModel:
    """A compiled stream room.

    Parameters
    ----------
    config : Streamed
        Gives the ports.
    verilog, top : Path, str
        What ``gatewright generate`` wrote.
    folder : Path
        Where compiled models are kept.
    pins : tuple of str
        Further input ports, at most 32 bits wide, that `set_pin` drives; 0 at first.
    """

    def __init__(
        self, config: Streamed, verilog: Path, top: str, folder: Path, pins: tuple[str, ...] = ()
    ) -> None:
        self.config, self.pins = config, pins
        library = shared_library(verilog, top, _driver(config, pins), folder)
        self._lib = ctypes.CDLL(str(library.resolve()))
        self._lib.model_open.restype = ctypes.c_void_p
        self._lib.model_run.restype = ctypes.c_int64
        self._model = ctypes.c_void_p(self._lib.model_open())
        self.reset()

    def reset(self) -> None:
        """Hold reset for two cycles."""
        self._lib.model_reset(self._model)

    def set_pin(self, name: str, value: int) -> None:
        """Drive one of ``pins`` from now on."""
        self._lib.model_pin(self._model, ctypes.c_int(self.pins.index(name)), ctypes.c_uint32(value))

    def run(
        self, inputs: Mapping[str, Beats], want: Mapping[str, int], *, limit: int = 100_000,
        go_in: float = 1.0, go_out: float = 1.0, seed: int = 1,
    ) -> Run:  # fmt: skip
        """Play whole streams.

        Parameters
        ----------
        inputs : mapping
            Beats by input port.
        want : mapping
            Beats to take from each output port.
        limit : int
            Cycles without a transfer after which the model counts as hung.
        go_in, go_out : float
            Chance per cycle that a source offers, or a sink takes, a beat; 1 never stalls.

        Raises
        ------
        VerificationError
            If the model hangs.
        """
        words = [_to_words(port, inputs[port.name]) for port in self.config.inputs]
        counts = [want[port.name] for port in self.config.outputs]
        space = [np.zeros((n, _word_count(p)), np.uint32) for n, p in zip(counts, self.config.outputs, strict=True)]
        got = (ctypes.c_int64 * len(counts))()
        marks = (ctypes.c_int64 * 3)()
        cycles = self._lib.model_run(
            self._model, _pointers(words), (ctypes.c_int64 * len(words))(*map(len, words)), _pointers(space),
            (ctypes.c_int64 * len(counts))(*counts), got, marks, ctypes.c_int64(limit),
            ctypes.c_uint32(_chance(go_in)), ctypes.c_uint32(_chance(go_out)), ctypes.c_uint64(seed),
        )  # fmt: skip
        if list(got) != counts:
            names = [port.name for port in self.config.outputs]
            state = ", ".join(f"{n} gave {g} of {w}" for n, g, w in zip(names, got, counts, strict=True))
            raise VerificationError(f"{self.config.room} hung after {cycles} cycles: {state}")
        outputs = {p.name: _from_words(p, s) for p, s in zip(self.config.outputs, space, strict=True)}
        return Run(outputs, cycles, marks[0], marks[1], marks[2])


def _chance(value: float) -> int:
    return min(0xFFFFFFFF, int(value * 0x1_0000_0000))


def _word_count(port: StreamPort) -> int:
    return -(-port.bits // 32)


def _pointers(arrays: list[NDArray[np.uint32]]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))


def _to_words(port: StreamPort, beats: Beats) -> NDArray[np.uint32]:
    """Pack beats into rows of 32-bit words, lowest first."""
    bits = [_bits(np.asarray(beats[f.name]), f.bits, f.count, beat_count(beats)) for f in port.fields]
    flat = np.concatenate(bits, axis=1)
    padded = np.pad(flat, ((0, 0), (0, _word_count(port) * 32 - port.bits)))
    return np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little").view(np.uint32))


def _bits(values: NDArray[np.int64], bits: int, count: int, beats: int) -> NDArray[np.uint8]:
    columns = values.reshape(beats, count, 1)
    steps = np.arange(bits).astype(columns.dtype)
    return ((columns >> steps) & 1).astype(np.uint8).reshape(beats, count * bits)


def _from_words(port: StreamPort, words: NDArray[np.uint32]) -> Beats:
    """Unpack rows of 32-bit words into beats."""
    flat = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little") if len(words) else words.reshape(0, 0)
    beats: Beats = {}
    offset = 0
    for field in port.fields:
        kind = np.int64 if field.bits < 64 else object
        width = field.bits * field.count
        part = flat[:, offset : offset + width].reshape(len(words), field.count, field.bits).astype(kind)
        weights = np.array([1 << bit for bit in range(field.bits)], dtype=kind)
        if field.signed:
            weights[-1] = -weights[-1]
        beats[field.name] = (part * weights).sum(axis=2).reshape(len(words), *field.shape)
        offset += width
    return beats


def _driver(config: Streamed, pins: tuple[str, ...] = ()) -> str:
    """Write the C++ that maps port numbers to the model's members (Verilator writes ``__`` as ``___05F``)."""
    inputs, outputs = config.inputs, config.outputs

    def switch(cases: list[str]) -> str:
        return "switch (n) { " + " ".join(f"case {i}: {c}; break;" for i, c in enumerate(cases)) + " }"

    def counts(ports: tuple[StreamPort, ...]) -> str:
        return ", ".join(str(_word_count(p)) for p in ports) or "0"

    lines = [
        f"static const int INPUTS = {len(inputs)}, OUTPUTS = {len(outputs)};",
        f"static const int IN_WORDS[] = {{{counts(inputs)}}}, OUT_WORDS[] = {{{counts(outputs)}}};",
        "static void set_valid(Vtop* t, int n, bool v) { "
        + switch([f"t->{p.name}___05Fvalid = v" for p in inputs]) + " }",
        "static void set_ready(Vtop* t, int n, bool v) { "
        + switch([f"t->{p.name}___05Fready = v" for p in outputs]) + " }",
        "static bool get_ready(Vtop* t, int n) { "
        + switch([f"return t->{p.name}___05Fready" for p in inputs]) + " return false; }",
        "static bool get_valid(Vtop* t, int n) { "
        + switch([f"return t->{p.name}___05Fvalid" for p in outputs]) + " return false; }",
        "static void set_data(Vtop* t, int n, const uint32_t* w) { "
        + switch([_write(p) for p in inputs]) + " }",
        "static void get_data(Vtop* t, int n, uint32_t* w) { "
        + switch([_read(p) for p in outputs]) + " }",
        'extern "C" void model_pin(void* m, int n, uint32_t value) { auto* t = (Vtop*)m; '
        + switch([f"t->{pin} = value" for pin in pins]) + " }",
    ]  # fmt: skip
    return _HEAD + "\n".join(lines) + "\n" + _BODY


def _write(port: StreamPort) -> str:
    name = f"t->{port.name}___05Fpayload"
    if port.bits <= 32:
        return f"{name} = w[0]"
    if port.bits <= 64:
        return f"{name} = w[0] | ((uint64_t)w[1] << 32)"
    return f"for (int k = 0; k < {_word_count(port)}; k++) {name}[k] = w[k]"


def _read(port: StreamPort) -> str:
    name = f"t->{port.name}___05Fpayload"
    if port.bits <= 32:
        return f"w[0] = {name}"
    if port.bits <= 64:
        return f"w[0] = (uint32_t){name}; w[1] = (uint32_t)({name} >> 32)"
    return f"for (int k = 0; k < {_word_count(port)}; k++) w[k] = {name}[k]"
