# SPDX-License-Identifier: BSD-2-Clause
"""Synthesis with Yosys for the boards' three FPGA families, and for UltraScale+ to compare with."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.board import Part
from gatewright.gen.flow.cells import Fabric, count_cells
from gatewright.gen.flow.contents import write_source
from gatewright.gen.flow.ecp5_carry import absorb_luts
from gatewright.gen.flow.ecp5_dsp import absorb_registers
from gatewright.gen.flow.memories import has_many, map_apart, name_memories
from gatewright.gen.flow.xilinx_pairs import shared_luts
from gatewright.hw.core.errors import ConfigError, ToolError
from gatewright.tb.tools import run_yosys


@dataclass(frozen=True, kw_only=True)
class SynthOptions:
    """How Yosys maps a design. Area depends more on these than on most architectures.

    Yosys 0.70 always maps with abc9: ``-noabc9`` is accepted and does nothing, so it is not offered.

    Attributes
    ----------
    dsp : bool
        Map multipliers to hardware multipliers.
    booth : bool
        Recode the remaining multipliers (radix-4 Booth) before mapping; needs ``dsp`` off.
    carry_luts : bool
        Move LUTs into the carry cells behind them, see `absorb_luts`. ECP5 only.
    wide_luts : bool
        Join LUTs with the family's multiplexers. Off about halves the LUT4 count of ECP5 arithmetic
        for 2..12 % of clock rate. Not on iCE40.
    rw_check : bool
        Keep what the RTL reads from a memory word in the very cycle in which it is written, with logic where the
        family's memory can't. Off for designs that never do that. Not on UltraScale+.
    spram : bool
        Map big memories with one address and no first contents to SPRAM. iCE40 UltraPlus only.
    flatten : bool
        Dissolve the module hierarchy.
    device : tuple of str
        Arguments that select the part, from ``Part.synthesis``.
    """

    dsp: bool = True
    booth: bool = False
    carry_luts: bool = False
    wide_luts: bool = True
    rw_check: bool = True
    spram: bool = False
    flatten: bool = True
    device: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.booth and self.dsp:
            raise ConfigError(
                "synthesis.dsp must be off with booth, which leaves no multiplier to map; set dsp = false"
            )

    def command(self, family: Fabric) -> str:
        """Give the Yosys command, without the top module."""
        words = [f"synth_{family}", *self.device]
        if family == "xilinx":
            words += ["-family", "xcup", "-noiopad", "-noclkbuf"]
        if family == "ice40":
            words += ["-dsp"] if self.dsp else []
            words += ["-spram"] if self.spram else []
        else:
            words += [] if self.dsp else ["-nodsp"]
            words += [] if self.wide_luts else ["-nowidelut"]
        if family == "xilinx":  # keeps the hierarchy unless told, and has no say over memories
            return " ".join(words + ["-flatten"] * self.flatten)
        words += [] if self.rw_check else ["-no-rw-check"]
        words += [] if self.flatten else ["-noflatten"]
        return " ".join(words)

    def flags(self, family: Fabric) -> str:
        """Give what stands beside every number that came out of this synthesis."""
        after = "; absorb LUTs into carries" if self.carry_luts and family == "ecp5" else ""
        return ("booth; " if self.booth else "") + self.command(family) + after


def options_for(part: Part, options: SynthOptions | None = None) -> SynthOptions:
    """Fit options to a part: its arguments, and no hardware multipliers where it has none."""
    options = options or SynthOptions()
    return replace(options, device=part.synthesis, dsp=options.dsp and part.capacity.dsp > 0)


@dataclass(frozen=True)
class SynthResult:
    """A mapped design.

    Attributes
    ----------
    json_netlist : Path
        Netlist for nextpnr.
    verilog_netlist : Path
        Netlist for simulation, made of the family's cells.
    ports : dict
        Width in bits of each port of the top module.
    cells : dict
        Number of cells by the family's own names.
    counts : dict
        The same in common words: LUT4, CCU2C, CARRY, FF, DSP, BRAM, DPR16X4, ..., and LUTeq,
        LUT sites in all: ECP5 LUT4 + 2 CCU2C + 4 DPR16X4, see `count_cells`. On UltraScale+ also
        SHARED, what placement can spare of them, see `shared_luts`.
    flags : str
        Passes and options.
    """

    top: str
    family: Fabric
    json_netlist: Path
    verilog_netlist: Path
    ports: dict[str, int]
    cells: dict[str, int]
    counts: dict[str, int]
    flags: str


def synthesise(
    verilog: Sequence[Path],
    top: str,
    family: Fabric,
    workdir: Path,
    options: SynthOptions | None = None,
    techmaps: Sequence[Path] = (),
) -> SynthResult:
    """Synthesise Verilog into ``workdir``.

    ECP5's hard multipliers take in the registers around them, see `absorb_registers`.

    Leaves ``synth.json``, ``synth.v``, ``cells.json``, the script and its log there.

    Parameters
    ----------
    verilog : sequence of Path
        Source files.
    top : str
        Top module.
    family : str
        ``ecp5``, ``ice40``, ``gowin`` or ``xilinx``.
    techmaps : sequence of Path
        Verilog files whose modules replace the design's instances of the same name before anything
        else happens, such as leaf modules that one family builds by hand.

    Raises
    ------
    ToolError
        If Yosys fails.
    """
    options = options or SynthOptions()
    workdir.mkdir(parents=True, exist_ok=True)
    # Copies under plain names: the netlist must not carry this machine's paths.
    sources = [_copy(path, workdir / f"source{index}.v") for index, path in enumerate(verilog)]
    maps = [_copy(path, workdir / f"techmap{index}.v") for index, path in enumerate(techmaps)]
    command = f"{options.command(family)} -top {top}"
    flow = [command]
    texts = [(workdir / name).read_text() for name in sources]
    if options.flatten and has_many(texts):
        flow = map_apart(command, family)
        for name, text in zip(sources, name_memories(texts), strict=True):
            (workdir / name).write_text(text)
    lines = [*_reading(sources, maps, top, family, options), *flow, *_WRITE]
    run_yosys("\n".join(lines) + "\n", workdir, "synth")
    if family == "ecp5":
        passes = [absorb_registers] * options.dsp + [absorb_luts] * options.carry_luts
        _improve(workdir, passes)
    return read_synthesis(workdir, top, family, options)


def read_synthesis(workdir: Path, top: str, family: Fabric, options: SynthOptions) -> SynthResult:
    """Read the result that `synthesise` left in ``workdir``."""
    netlist = json.loads((workdir / "synth.json").read_text())
    cells = _read_cells(workdir / "cells.json")
    counts = count_cells(cells, family)
    if family == "xilinx":
        counts["SHARED"] = shared_luts(netlist)
    return SynthResult(
        top, family, workdir / "synth.json", workdir / "synth.v", _ports(netlist, top),
        cells, counts, options.flags(family),
    )  # fmt: skip


def _copy(path: Path, to: Path) -> str:
    write_source(path.read_text(), to)
    return to.name


def _reading(
    sources: Sequence[str], maps: Sequence[str], top: str, family: Fabric, options: SynthOptions
) -> list[str]:
    """Give the script's lines in front of the family's flow."""
    lines = [f"read_verilog -sv {name}" for name in sources]
    if maps:
        # Black boxes first, so that a map may instantiate the family's cells.
        lines += [f"read_verilog -lib {' '.join(_LIBRARIES[family])}"]
        lines += [f"hierarchy -top {top}", "proc", *(f"techmap -map {name}" for name in maps)]
        lines += [f"hierarchy -top {top}"]
    if options.booth:
        lines += [f"hierarchy -top {top}", "proc", "flatten", "opt", "wreduce", "booth"]
    return lines


_SUMMARY = "tee -q -o cells.json stat -json\nwrite_verilog -noattr synth.v"
_WRITE = [
    "delete t:$scopeinfo",  # nextpnr refuses these markers
    # Where a cell came from is a path on this machine.
    "attrmap -remove src =*",
    "attrmap -modattr -remove src =*",
    "write_json -selected synth.json",  # without the library, whose cells are named after paths
    _SUMMARY,
]


def _improve(workdir: Path, passes: Sequence[Callable[[dict[str, Any]], int]]) -> None:
    """Let passes change the netlist that synthesis left; each tells how much it did."""
    path = workdir / "synth.json"
    netlist = json.loads(path.read_text())
    if sum([improve(netlist) for improve in passes]):
        path.write_text(json.dumps(netlist))
        run_yosys(f"read_json synth.json\n{_SUMMARY}\n", workdir, "registers")


_LIBRARIES: dict[Fabric, tuple[str, ...]] = {
    "ecp5": ("+/ecp5/cells_sim.v", "+/ecp5/cells_bb.v"),
    "ice40": ("+/ice40/cells_sim.v",),
    "gowin": ("+/gowin/cells_sim.v",),
    "xilinx": ("+/xilinx/cells_sim.v",),
}


def _read_cells(path: Path) -> dict[str, int]:
    # `stat` prints the version above the JSON text.
    text = path.read_text()
    design = json.loads(text[text.index("{") :])["design"]
    return dict(sorted(design["num_cells_by_type"].items()))


def _ports(netlist: Mapping[str, dict[str, dict[str, dict[str, dict[str, list[object]]]]]], top: str) -> dict[str, int]:
    module = netlist["modules"].get(top)
    if module is None:
        raise ToolError(f"Yosys left no module {top} in the netlist; is {top} the name of the top module?")
    return {name: len(port["bits"]) for name, port in module["ports"].items()}
