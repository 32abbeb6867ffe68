# SPDX-License-Identifier: BSD-2-Clause
"""Measure what a room costs: synthesise it, place it once per seed, and remember the answer.

Runs are kept in the user's cache folder under a digest of everything they depend on (Verilog, flags,
part, seed, tool versions, the flow's own source), so that a bench that was interrupted goes on where
it stopped. ``GATEWRIGHT_CACHE`` names another folder.
"""

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from gatewright.fpga_boards.board import Part
from gatewright.gen.bench.wrap import WRAPPED_TOP, wrap
from gatewright.gen.design import Design
from gatewright.gen.emit import verilog
from gatewright.gen.files import write_file
from gatewright.gen.flow.cache import code_checksum, digest
from gatewright.gen.flow.cells import Fabric
from gatewright.gen.flow.place import place_block
from gatewright.gen.flow.report import tool_versions
from gatewright.gen.flow.synth import SynthOptions, SynthResult, synthesise
from gatewright.hw.core.errors import ToolError

SEEDS = (1, 2, 3)
TARGET_MHZ = 200.0  # what the placer is asked for: beyond every design here, so that it keeps trying
PINS = {"ice40-up5k": 39, "ice40-hx8k": 206}  # what the package has; ECP5 blocks are placed without pins


def _pins(part: Part) -> int | None:
    return len(part.free) or PINS.get(part.name)


@dataclass(kw_only=True)
class Cost:
    """What a design takes on one family; ours, or a public design's.

    Attributes
    ----------
    lut4, carry, ff, dsp, ram, bram : int or None
        Cells after synthesis: LUT4s outside carry cells (UltraScale+: LUT1 to LUT6), CCU2C, SB_CARRY, ALU
        or CARRY4, flip-flops, hard multipliers, 16 x 4 distributed RAMs (UltraScale+: LUTs that serve as memory),
        block RAMs.
    known_luteq : int or None
        Of public rows perhaps all that is known; of Gowin and UltraScale+ as `count_cells` has it.
    placed_cells : int or None
        TRELLIS_COMB, ICESTORM_LC, or Gowin's LUT4 and ALU after placement, whatever they hold.
    fmax_mhz : list of float
        One per seed; of public rows, the least and the greatest.
    timed : bool
        False if paths are missing from the timing model, so that the clock rate means little.
    wrapped : bool
        Placed between shift registers, since the package lacks the pins; the counts are those
        of the design alone.
    shared : int
        UltraScale+: LUTs that a placer spares by using both outputs of a LUT6; not taken off the counts.
    note : str
        Why there is no clock rate.
    """

    family: str
    flags: str = ""
    lut4: int | None = None
    carry: int | None = None
    ff: int | None = None
    dsp: int | None = None
    ram: int = 0
    bram: int | None = None
    placed_cells: int | None = None
    fmax_mhz: list[float] = field(default_factory=list)
    seeds: int = 0
    timed: bool = True
    known_luteq: int | None = None
    wrapped: bool = False
    shared: int = 0
    note: str = ""

    @property
    def lut_equivalent(self) -> int | None:
        """LUTs, counting those inside carry cells and distributed RAM; None on iCE40, where carries share cells."""
        if self.family != "ecp5" or self.lut4 is None or self.carry is None:
            return self.known_luteq
        return self.lut4 + 2 * self.carry + 4 * self.ram

    @property
    def rate(self) -> str | None:
        """Least and median clock rate of the seeds, in MHz, and whether they mean something."""
        if not self.fmax_mhz:
            return None
        text = f"{min(self.fmax_mhz):g} / {statistics.median(self.fmax_mhz):g}"
        return text if self.timed else f"{text} untimed"

    def as_json(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return {**asdict(self), "lut_equivalent": self.lut_equivalent}


def measure(
    design: Design, part: Part, options: SynthOptions, folder: Path, seeds: Sequence[int], target: float = TARGET_MHZ
) -> Cost:
    """Synthesise a design for a part and place it once per seed; no seeds, no placement.

    Parameters
    ----------
    design : Design
        What is measured.
    folder : Path
        Scratch space; holds nothing of worth afterwards.
    target : float
        Rate that the placer aims at, in MHz.
    """
    text = verilog(design)
    cost = count(design, part.family, options, folder, text)
    key = _key(text, part.family, options)
    pins = sum(port_widths(design).values())
    cost.wrapped = pins > (_pins(part) or pins)
    cost.note = _excess(cost, part)
    for seed in () if cost.note else seeds:
        placing = key | {"part": part.name, "seed": seed, "target": target, "wrapped": cost.wrapped}
        found = _recall(placing)
        if found is None:
            found = _place(text, design, part, options, folder, cost.wrapped, seed, target)
            _remember(placing, found)
        if "note" in found:
            cost.note = found["note"]
            break
        cost.fmax_mhz.append(found["fmax_mhz"])
        cost.placed_cells = found["placed_cells"]
        cost.seeds += 1
    return cost


def count(design: Design, family: Fabric, options: SynthOptions, folder: Path, text: str | None = None) -> Cost:
    """Synthesise a design and count cells; ``text`` is its Verilog if known."""
    text = text or verilog(design)
    key = _key(text, family, options)
    known = _recall(key)
    if known is None:
        known = _counts(_synthesise(text, design.top, family, options, folder / "synth"))
        _remember(key, known)
    # nextpnr knows no delays through SB_MAC16's combinational paths.
    return Cost(family=family, **known, timed=family == "ecp5" or known["dsp"] == 0)


def _key(text: str, family: Fabric, options: SynthOptions) -> dict[str, Any]:
    return {
        "verilog": text, "flags": options.flags(family), "device": options.device, "family": family,
        "tools": tool_versions(family), "code": code_checksum(),
    }  # fmt: skip


def _excess(cost: Cost, part: Part) -> str:
    """Say what the part has too little of."""
    have = {
        "multipliers": (cost.dsp, part.capacity.dsp), "block RAMs": (cost.bram, part.capacity.bram),
        "LUTs": (cost.lut4, part.capacity.lut),
    }  # fmt: skip
    over = [f"{used} {name}, {part.name} has {most}" for name, (used, most) in have.items() if (used or 0) > most]
    return f"needs {over[0]}" if over else ""


def port_widths(design: Design) -> dict[str, int]:
    """Give the width of every port of the Verilog module: payload, valid and ready of each stream, clock, reset."""
    ports = (*design.config.inputs, *design.config.outputs)
    return {"clk": 1, "rst": 1} | {port.name: port.bits + 2 for port in ports}


def _synthesise(text: str, top: str, family: Fabric, options: SynthOptions, work: Path) -> SynthResult:
    work.mkdir(parents=True, exist_ok=True)
    (work / "design.v").write_text(text)
    return synthesise([work / "design.v"], top, family, work, options)


def _counts(synth: SynthResult) -> dict[str, Any]:
    def number(*words: str) -> int:
        return sum(synth.counts.get(word, 0) for word in words)

    return {
        "flags": synth.flags, "lut4": number("LUT4", "LUT6"), "carry": number("CCU2C", "CARRY"), "ff": number("FF"),
        "dsp": number("DSP"), "ram": number("DPR16X4", "LUTRAM"), "bram": number("BRAM"),
        "known_luteq": number("LUTeq") if synth.family in ("gowin", "xilinx") else None,
        "shared": number("SHARED"),
    }  # fmt: skip


def _place(
    text: str, design: Design, part: Part, options: SynthOptions, folder: Path, wrapped: bool, seed: int, target: float
) -> dict[str, Any]:
    netlist = folder / ("wrapped" if wrapped else "synth") / "synth.json"
    if not netlist.exists():
        top = WRAPPED_TOP if wrapped else design.top
        source = text + wrap(design) if wrapped else text
        netlist = _synthesise(source, top, part.family, options, netlist.parent).json_netlist
    try:
        place = place_block(netlist, part, target, folder / f"place{seed}", seed)
    except ToolError:
        if part.family == "ecp5":
            raise
        return {"note": f"does not fit {part.name}"}
    names = {"ecp5": ("TRELLIS_COMB",), "ice40": ("ICESTORM_LC",), "gowin": ("LUT4", "ALU")}[part.family]
    cells = sum(place.utilisation[name][0] for name in names)
    return {"fmax_mhz": round(place.fmax_mhz or 0.0, 1), "placed_cells": cells}


def _file(key: Mapping[str, Any]) -> Path:
    root = os.environ.get("GATEWRIGHT_CACHE")
    return (Path(root) if root else user_cache_path("gatewright")) / "bench" / f"{digest(key)}.json"


def _recall(key: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return json.loads(_file(key).read_text())
    except (OSError, ValueError):
        return None


def _remember(key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    """Keep a result; failure to write a cache is no failure."""
    try:
        write_file(_file(key), json.dumps(value))
    except OSError:
        return


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Give a Markdown table; None is an empty cell, floats have four digits."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return (f"{value:.4g}" if isinstance(value, float) else str(value)).replace("|", "\\|")


def tools_line(tools: Mapping[str, str]) -> str:
    """Name the tools and their releases in one line."""
    return ", ".join(f"{name} {version}" for name, version in tools.items())
