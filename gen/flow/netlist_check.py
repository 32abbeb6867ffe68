# SPDX-License-Identifier: BSD-2-Clause
"""Run RTL and its synthesised netlist side by side on the same inputs and compare every output, every cycle.

Synthesis tools have bugs (Yosys 0.70 drops a product when two share an iCE40 multiplier), so a
bitstream is written only after this. Both designs start from their initial values; X is not modelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.flow.netlist import plain_rtl, read_module, simulation_netlist
from gatewright.hw.core.errors import ToolError, VerificationError
from gatewright.hw.memory.flash_boot.image import FlashImage
from gatewright.tb.fast.flash import FLASH
from gatewright.tb.tools import run_program, run_verilator, verilator_environment

Drive = Mapping[str, "int | NDArray[Any]"]

_MAIN = """\
#include "Vpair.h"
#include "verilated.h"
#include <cstdint>
#include <cstdio>
#include <vector>
// Reads one row of WORDS words per cycle; prints: mismatching cycles, bits that ever moved, first difference.
int main() {
    FILE* file = fopen("stimulus.bin", "rb");
    if (!file) return 3;
#if WITH_FLASH
    Flash flash;
    flash.offset = FLASH_OFFSET; flash.wake = FLASH_WAKE;
    FILE* image = fopen("flash.bin", "rb");
    if (!image) return 4;
    for (int octet; (octet = fgetc(image)) != EOF;) flash.data.push_back(octet);
#endif
    auto* top = new Vpair;
    std::vector<uint32_t> start(BITS_WORDS), moved(BITS_WORDS), first(2 * BITS_WORDS);
    uint32_t row[WORDS];
    long cycle = 0, mismatches = 0, first_cycle = -1;
    top->clk = 0;
    // The first row holds for LEAD cycles more.
    for (; (cycle && cycle <= LEAD) || fread(row, 4, WORDS, file) == WORDS; cycle++) {
#if WITH_FLASH
        row[MISO / 32] = (row[MISO / 32] & ~(1u << MISO % 32)) | (uint32_t)flash.miso << MISO % 32;
#endif
        for (int i = 0; i < WORDS; i++) top->stimulus[i] = row[i];
        top->eval();
        bool differs = false;
        for (int i = 0; i < BITS_WORDS; i++) {
            if (cycle == 0) start[i] = top->expected[i];
            moved[i] |= start[i] ^ top->expected[i];
            differs |= top->expected[i] != top->got[i];
        }
        if (differs && mismatches++ == 0) {
            first_cycle = cycle;
            for (int i = 0; i < BITS_WORDS; i++) { first[i] = top->expected[i]; first[BITS_WORDS + i] = top->got[i]; }
        }
        top->clk = 1; top->eval(); top->clk = 0; top->eval();
#if WITH_FLASH
        auto pin = [&](int at) { return top->expected[at / 32] >> at % 32 & 1; };
        flash.step(pin(SCK), pin(CS_N), pin(MOSI));
#endif
    }
    printf("RESULT %ld %ld %ld\\n", cycle, mismatches, first_cycle);
    for (auto* list : {&moved, &first}) { for (auto word : *list) printf("%u ", word); printf("\\n"); }
    top->final();
    delete top;
    return 0;
}
"""


@dataclass(frozen=True)
class Port:
    """A top-level port and where its bits lie in the packed row."""

    name: str
    bits: int
    offset: int


@dataclass(frozen=True)
class NetlistCheck:
    """What the comparison found.

    Attributes
    ----------
    cycles : int
        Clock cycles compared.
    outputs_compared : int
        Output ports compared in each.
    outputs_moved : int
        Output ports that ever changed: one that never moved proves little.
    mismatches : int
        Cycles in which any output differed.
    first : tuple of (int, str, int, int), optional
        First difference: cycle, port, expected, got.
    """

    cycles: int
    outputs_compared: int
    outputs_moved: int
    mismatches: int
    first: tuple[int, str, int, int] | None


def check_netlist(
    rtl: Path, netlist: Path, top: str, family: str, workdir: Path, *, cycles: int = 4096, seed: int = 1,
    drive: Drive | None = None, clock: str = "clk", reset: str = "rst", lead: int = 0, flash: FlashImage | None = None,
    wake: int = 0,
) -> NetlistCheck:  # fmt: skip
    """Compare as `compare_netlist` does, and refuse a netlist that differs.

    Raises
    ------
    VerificationError
        If any output differs in any cycle, the ports differ, or no output ever moved.
    """
    found = compare_netlist(
        rtl, netlist, top, family, workdir, cycles=cycles, seed=seed, drive=drive, clock=clock, reset=reset,
        lead=lead, flash=flash, wake=wake,
    )  # fmt: skip
    if found.first is not None:
        cycle, port, expected, got = found.first
        raise VerificationError(
            f"netlist of {top} for {family} differs from its RTL: cycle {cycle}, port {port} is {got}, expected "
            f"{expected} ({found.mismatches} of {found.cycles} cycles); the bitstream was not written; try --no-dsp"
        )
    if not found.outputs_moved:
        raise VerificationError(
            f"no output of {top} moved in {found.cycles} cycles, so the comparison says nothing; drive its inputs"
        )
    return found


def compare_netlist(
    rtl: Path, netlist: Path, top: str, family: str, workdir: Path, *, cycles: int = 4096, seed: int = 1,
    drive: Drive | None = None, clock: str = "clk", reset: str = "rst", lead: int = 0, flash: FlashImage | None = None,
    wake: int = 0,
) -> NetlistCheck:  # fmt: skip
    """Simulate both designs in one program and count the cycles in which they differ.

    Parameters
    ----------
    rtl : Path
        Verilog that went into synthesis.
    netlist : Path
        What came out, as Yosys JSON or Verilog.
    top, family : str
        Top module; ``ecp5``, ``ice40`` or ``gowin``.
    workdir : Path
        Where the models are built; made if absent.
    cycles, seed : int
        Length and seed of the random stimulus.
    drive : mapping, optional
        Inputs not to draw at random: a constant, or an array of one value per cycle whose last value
        holds afterwards; `serial_line` makes one for a UART pin.
    clock, reset : str
        Names of those inputs. Either may be absent; the reset is high for two cycles, then rarely.
    lead : int
        Cycles before these, in which the inputs stay as they are in the first.
    flash : FlashImage, optional
        What a flash holds that sees the RTL's ``sck``, ``cs_n`` and ``mosi`` and gives both designs ``miso``.
    wake : int
        Cycles that the flash needs to wake up.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    plain_rtl(workdir, rtl, top, family, "gatewright_pair_rtl", "pair_rtl")
    simulation_netlist(workdir, netlist, top, family, "gatewright_pair_netlist", "pair_netlist")
    inputs, outputs = _same_ports(workdir, top, clock)
    packed = stimulus(inputs, cycles, seed, drive or {}, reset)
    packed.tofile(workdir / "stimulus.bin")
    head = f"#define LEAD {lead}\n#define WITH_FLASH {int(flash is not None)}\n"
    if flash is not None:
        (workdir / "flash.bin").write_bytes(flash.data)
        head += _flash_head(top, inputs, outputs, flash.offset, wake)
    _build(workdir, inputs, outputs, clock, packed.shape[1], head)
    printed = run_program([str((workdir / "pair").resolve())], workdir, workdir / "pair.log")
    return _result(printed, outputs)


def serial_line(data: bytes, divisor: int, idle_bits: int = 2) -> NDArray[np.uint8]:
    """Play bytes on a UART line: one value per cycle, 8N1, ``divisor`` cycles a bit, idle high around."""
    bits = [1] * idle_bits
    for byte in data:
        bits += [0, *(byte >> i & 1 for i in range(8)), 1]
    return np.repeat(np.array([*bits, *[1] * idle_bits], np.uint8), divisor)


def stimulus(
    inputs: list[Port], cycles: int, seed: int, drive: Drive, reset: str = "rst"
) -> NDArray[np.uint32]:
    """Draw the inputs of a run.

    A one-bit input keeps one probability of being high for 64 cycles, so that enables stay on or off
    for a while; a wider one is uniform, with all-zeros, all-ones and the sign bit alone mixed in.

    Returns
    -------
    array (cycles, words) uint32
        One row per cycle, the ports' bits packed at their offsets.
    """
    rng = np.random.default_rng(seed)
    unknown = sorted(set(drive) - {port.name for port in inputs})
    if unknown:
        known = ", ".join(port.name for port in inputs)
        raise ToolError(f"drive names {unknown[0]}, which is not an input; inputs are {known}")
    total = sum(port.bits for port in inputs)
    bits = np.zeros((cycles, _words(total) * 32), np.uint8)
    for port in inputs:
        field = bits[:, port.offset : port.offset + port.bits]
        if port.name in drive:
            field[:] = _driven(drive[port.name], cycles, port.bits)
        elif port.name == reset:
            field[:, 0] = (np.arange(cycles) < 2) | (rng.random(cycles) < 1 / 256)
        elif port.bits == 1:
            chance = np.repeat(rng.choice([0.05, 0.5, 0.95], cycles // 64 + 1), 64)[:cycles]
            field[:, 0] = rng.random(cycles) < chance
        else:
            field[:] = rng.integers(0, 2, field.shape, np.uint8)
            corner = rng.integers(0, 24, cycles)
            field[corner < 3] = 0
            field[corner == 1] = 1
            field[corner == 2, -1] = 1
    return np.ascontiguousarray(np.packbits(bits, axis=1, bitorder="little").view("<u4"))


def _driven(value: "int | NDArray[Any]", cycles: int, bits: int) -> NDArray[np.uint8]:
    values = np.atleast_1d(np.asarray(value, dtype=object))
    column = values[np.minimum(np.arange(cycles), len(values) - 1)]
    unique = {item: [int(item) >> i & 1 for i in range(bits)] for item in set(column.tolist())}
    return np.array([unique[item] for item in column.tolist()], np.uint8)


def _words(bits: int) -> int:
    """Words of a packed row; at least three, so that Verilator uses its array type."""
    return max(3, (bits + 31) // 32)


def _ports(module: dict[str, Any], direction: str) -> dict[str, int]:
    return {
        name: len(port["bits"]) for name, port in module["ports"].items() if port["direction"] == direction
    }


def _same_ports(workdir: Path, top: str, clock: str) -> tuple[list[Port], list[Port]]:
    """Give inputs (without the clock) and outputs, after making sure that both sides agree."""
    rtl = read_module(workdir / "pair_rtl.json", "gatewright_pair_rtl")
    netlist = read_module(workdir / "pair_netlist.json", "gatewright_pair_netlist")
    sides: list[list[Port]] = []
    for direction in ("input", "output", "inout"):
        want, have = _ports(rtl, direction), _ports(netlist, direction)
        if want != have:
            name = sorted(name for name in want.keys() | have.keys() if want.get(name) != have.get(name))[0]
            raise VerificationError(
                f"netlist of {top} has other ports than its RTL: {direction} {name} has {have.get(name, 0)} bits, "
                f"not {want.get(name, 0)}"
            )
        ports: list[Port] = []
        for name in sorted(want):
            if direction != "input" or name != clock:
                offset = ports[-1].offset + ports[-1].bits if ports else 0
                ports.append(Port(name, want[name], offset))
        sides.append(ports)
    if sides[2]:
        raise ToolError(f"{top} has the bidirectional port {sides[2][0].name}; check the module below its pads")
    if not sides[1]:
        raise ToolError(f"{top} has no output to compare")
    return sides[0], sides[1]


def _pair(inputs: list[Port], outputs: list[Port], clock: str, has_clock: bool) -> str:
    """Give the wrapper that feeds both designs from one row and packs their outputs."""
    in_bits = _words(sum(port.bits for port in inputs)) * 32
    out_bits = _words(sum(port.bits for port in outputs)) * 32
    lines = [
        f"module pair(input clk, input [{in_bits - 1}:0] stimulus,",
        f"    output [{out_bits - 1}:0] expected, output [{out_bits - 1}:0] got);",
    ]
    used = sum(port.bits for port in outputs)
    for module, bus in (("gatewright_pair_rtl", "expected"), ("gatewright_pair_netlist", "got")):
        pins = [f".\\{port.name} (stimulus[{port.offset} +: {port.bits}])" for port in inputs]
        pins += [f".\\{port.name} ({bus}[{port.offset} +: {port.bits}])" for port in outputs]
        if has_clock:
            pins.append(f".\\{clock} (clk)")
        lines.append(f"    {module} {bus}_side ({', '.join(pins)});")
        if out_bits > used:
            lines.append(f"    assign {bus}[{out_bits - 1}:{used}] = 0;")
    return "\n".join([*lines, "endmodule\n"])


def _flash_head(top: str, inputs: list[Port], outputs: list[Port], offset: int, wake: int) -> str:
    """Say where the flash's pins are among the packed bits."""
    places = {("in", port.name): port.offset for port in inputs} | {("out", port.name): port.offset for port in outputs}
    pins = (("out", "sck"), ("out", "cs_n"), ("out", "mosi"), ("in", "miso"))
    lacks = [name for side, name in pins if (side, name) not in places]
    if lacks:
        raise ToolError(f"{top} has no port {lacks[0]}, so no flash can be connected")
    lines = [f"#define {name.upper()} {places[side, name]}" for side, name in pins]
    return "\n".join([FLASH, f"#define FLASH_OFFSET {offset}", f"#define FLASH_WAKE {wake}", *lines, ""])


def _build(
    workdir: Path, inputs: list[Port], outputs: list[Port], clock: str, words: int, above: str
) -> None:
    module = read_module(workdir / "pair_rtl.json", "gatewright_pair_rtl")
    (workdir / "pair.v").write_text(_pair(inputs, outputs, clock, clock in module["ports"]))
    out_words = _words(sum(port.bits for port in outputs))
    head = f"#define WORDS {words}\n#define BITS_WORDS {out_words}\n"
    (workdir / "main.cpp").write_text(above + head + _MAIN)
    (workdir / "models.v").write_text(_shared_models(workdir))
    flags = ["--cc", "--exe", "--prefix", "Vpair", "--Mdir", "obj", "--top-module", "pair", "-Wno-fatal", "-Wno-lint"]
    speed = ["-O3", "--x-assign", "0", "--x-initial", "0", "-CFLAGS", "-O1", "-o", "../pair"]
    run_verilator([*flags, *speed, "pair.v", "models.v", "main.cpp"], workdir)
    make = ["make", "-C", "obj", "-f", "Vpair.mk", "-j", "2", "OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"]
    run_program(make, workdir, workdir / "make.log", verilator_environment())


def _shared_models(workdir: Path) -> str:
    """Join both sides; a primitive's model that both use appears once."""
    kept: dict[str, str] = {}
    for name in ("pair_rtl.v", "pair_netlist.v"):
        for piece in (workdir / name).read_text().split("\nendmodule"):
            if "module " in piece:
                head = piece[piece.index("module ") :].split()[1].split("(")[0]
                kept.setdefault(head, piece + "\nendmodule\n")
    return "".join(kept.values())


def _result(printed: str, outputs: list[Port]) -> NetlistCheck:
    lines = printed.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("RESULT "))
    cycles, mismatches, first_cycle = (int(word) for word in lines[start].split()[1:])
    moved = _join(lines[start + 1].split())
    words = lines[start + 2].split()
    expected, got = _join(words[: len(words) // 2]), _join(words[len(words) // 2 :])

    def value(row: int, port: Port) -> int:
        return row >> port.offset & ((1 << port.bits) - 1)

    first = None
    if mismatches:
        port = next(port for port in outputs if value(expected, port) != value(got, port))
        first = (first_cycle, port.name, value(expected, port), value(got, port))
    return NetlistCheck(cycles, len(outputs), sum(value(moved, port) != 0 for port in outputs), mismatches, first)


def _join(words: list[str]) -> int:
    return sum(int(word) << (32 * index) for index, word in enumerate(words))
