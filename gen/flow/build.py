# SPDX-License-Identifier: BSD-2-Clause
"""From Verilog to a bitstream, its report and its picture; an unchanged design costs nothing."""

import dataclasses
import hashlib
import json
import pickle
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.board import Board
from gatewright.gen.files import write_file
from gatewright.gen.flow.bitstream import disagreement, read_header
from gatewright.gen.flow.cache import StepRecord, Steps, checksum, digest
from gatewright.gen.flow.floorplan import draw
from gatewright.gen.flow.pack import pack
from gatewright.gen.flow.place import LAYOUT, USUAL, Algorithms, PlaceResult, place_on_board, read_placement
from gatewright.gen.flow.report import make_report, summary, tool_versions
from gatewright.gen.flow.synth import SynthOptions, SynthResult, options_for, read_synthesis, synthesise
from gatewright.hw.core.errors import BoardError
from gatewright.hw.memory.flash_boot.image import FlashImage

# Called as check(rtl, netlist, top, family, workdir); raises when the netlist differs from the RTL.
NetlistCheck = Callable[[Path, Path, str, str, Path], Any]

SIDECAR = "bitstream.json"
IMAGE = "flash.bin"  # what the flash must hold beside the bitstream


@dataclass(frozen=True, kw_only=True)
class BoardDesign:
    """A design for a board: ports ``clk``, ``rx``, ``tx``, ``led``, some or all; no reset pin.

    Attributes
    ----------
    name : str
        Name of the bitstream, without suffix.
    top : str
        Top Verilog module.
    verilog : tuple of Path
        Source files.
    techmaps : tuple of Path
        Verilog files whose modules replace instances of the same name before synthesis.
    flash : FlashImage, optional
        What the flash must hold behind the bitstream.
    """

    name: str
    top: str
    verilog: tuple[Path, ...]
    techmaps: tuple[Path, ...] = ()
    flash: FlashImage | None = None


@dataclass(frozen=True)
class BuildResult:
    """What a build left behind.

    Attributes
    ----------
    bitstream, sidecar : Path
        The bitstream, and ``bitstream.json`` which says what it is for.
    report : dict
        The content of ``report.json``.
    picture : tuple of Path
        Floorplan as PNG and SVG.
    steps : tuple of StepRecord
        How each step went.
    """

    folder: Path
    bitstream: Path
    sidecar: Path
    report: dict[str, Any]
    picture: tuple[Path, Path]
    steps: tuple[StepRecord, ...]

    @property
    def cached(self) -> bool:
        """Whether no step had to work."""
        return all(step.cached for step in self.steps)


def build(
    design: BoardDesign,
    board: Board,
    workdir: Path,
    check_netlist: NetlistCheck | None = None,
    *,
    options: SynthOptions | None = None,
    seeds: Sequence[int] = (1, 2, 3, 4),
    mhz: float | None = None,
    how: Algorithms = USUAL,
    announce: Callable[[str], None] = lambda name: None,
) -> BuildResult:
    """Synthesise, check the netlist, place, pack, report and draw, in ``workdir``.

    Each step is skipped if its inputs, flags and tools are as they were. No bitstream exists while
    the check of its netlist has not passed: an earlier one is removed before anything else runs.

    Parameters
    ----------
    check_netlist : callable, optional
        ``check(rtl, netlist, top, family, workdir)``; raises when they differ. Its result, a mapping or
        a dataclass, goes into the report. One that can't be pickled runs on every build.
    options : SynthOptions, optional
        How to synthesise; the board's part adds its own arguments.
    seeds : sequence of int
        Placement seeds, tried in order until timing is met.
    mhz : float, optional
        Clock rate that the placement must reach: the oscillator's or above, to know what a faster clock would find.
    how : Algorithms
        Which of nextpnr's placers and routers.
    announce : callable
        Told the name of each step as it begins.

    Raises
    ------
    VerificationError
        If the netlist differs from the RTL.
    ToolError
        If a tool fails or timing is missed.
    BoardError
        If a port has no pin, or the bitstream and the flash image are in each other's way.
    """
    if mhz is not None and mhz < board.clock_mhz:
        raise BoardError(f"mhz must be at least {board.clock_mhz:g}, the oscillator of {board.name}, not {mhz:g}")
    flow = _Flow(design, board, workdir, options_for(board.part, options), announce)
    flow.synth()
    found = flow.check(check_netlist)
    flow.place(tuple(seeds), mhz, how)
    flow.pack()
    flow.report(found)
    flow.picture()
    times = {
        record.name: {"cached": record.cached, "seconds": round(record.seconds, 3)} for record in flow.steps.records
    }
    write_file(workdir / "times.json", json.dumps(times, indent=2) + "\n")
    return BuildResult(
        workdir, workdir / flow.bitstream, workdir / SIDECAR, json.loads((workdir / "report.json").read_text()),
        (workdir / "floorplan.png", workdir / "floorplan.svg"), tuple(flow.steps.records),
    )  # fmt: skip


class _Flow:
    """The steps of one build; each leaves its outputs in the build folder."""

    def __init__(
        self, design: BoardDesign, board: Board, folder: Path, options: SynthOptions, announce: Callable[[str], None]
    ) -> None:
        self.design, self.board, self.folder, self.options = design, board, folder, options
        self.family = board.part.family
        self.bitstream = design.name + board.suffix
        if design.flash is not None and self.bitstream == IMAGE:
            raise BoardError(f"a design that boots from flash can't be named {design.name}: {IMAGE} is its flash image")
        self.tools = tool_versions(self.family)
        self.steps = Steps(folder, announce, withdraw=(self.bitstream, SIDECAR, IMAGE, "report.json"))

    @property
    def synthesis(self) -> SynthResult:
        return read_synthesis(self.folder, self.design.top, self.family, self.options)

    @property
    def placement(self) -> PlaceResult:
        made = json.loads((self.folder / "place.json").read_text())
        return read_placement(self.folder, self.board.part, made["seed"], Algorithms(**made["how"]))

    def synth(self) -> None:
        def work(aside: Path) -> None:
            result = synthesise(
                self.design.verilog, self.design.top, self.family, aside, self.options, self.design.techmaps
            )
            self.board.pins(result.ports)  # a port without a pin is found here, not after minutes
            rtl = "".join(path.read_text().rstrip() + "\n" for path in self.design.verilog)
            (aside / "design.v").write_text(rtl)

        inputs = {
            "verilog": [checksum(path) for path in self.design.verilog],
            "techmaps": [checksum(path) for path in self.design.techmaps],
            "top": self.design.top,
            "flags": self.options.flags(self.family),
            "options": dataclasses.asdict(self.options),
            "board": _described(self.board),
            "tools": self.tools,
        }
        self.steps.run("synth", inputs, ("synth.json", "synth.v", "cells.json", "design.v"), work)

    def check(self, check: NetlistCheck | None) -> dict[str, Any] | None:
        if check is None:
            return None

        def work(aside: Path) -> None:
            rtl, netlist = self.folder / "design.v", self.folder / "synth.json"
            found = check(rtl, netlist, self.design.top, self.family, aside / "pair")
            (aside / "netlist.json").write_text(json.dumps(_plain(found), indent=2) + "\n")

        inputs = {
            "rtl": checksum(self.folder / "design.v"),
            "netlist": checksum(self.folder / "synth.json"),
            "check": _identity(check),
        }
        self.steps.run("netlist", inputs, ("netlist.json",), work)
        found: dict[str, Any] = json.loads((self.folder / "netlist.json").read_text())
        return found

    def place(self, seeds: tuple[int, ...], mhz: float | None, how: Algorithms) -> None:
        def work(aside: Path) -> None:
            ports = self.synthesis.ports
            result = place_on_board(self.folder / "synth.json", ports, self.board, aside, seeds, mhz, how)
            (aside / "place.json").write_text(json.dumps({"seed": result.seed, "how": dataclasses.asdict(how)}) + "\n")

        inputs = {
            "netlist": checksum(self.folder / "synth.json"),
            "board": _described(self.board),
            "seeds": seeds,
            "mhz": mhz,
            "how": dataclasses.asdict(how),
            "tools": self.tools,
        }
        outputs = dict.fromkeys(("placed.json", "timing.json", "place.json", LAYOUT[self.family]))
        self.steps.run("place", inputs, outputs, work)

    def pack(self) -> None:
        def work(aside: Path) -> None:
            path = pack(self.folder / LAYOUT[self.family], self.board.part, self.design.name, aside)
            wrong = disagreement(read_header(path), self.board.part)
            if wrong:
                raise BoardError(f"{path.name} came out for another FPGA: {wrong}")
            about = self._about(path)
            if flash is not None:
                about["flash"] = _write_image(flash, path, aside / IMAGE)
            (aside / SIDECAR).write_text(json.dumps(about, indent=2) + "\n")

        flash = self.design.flash
        inputs = {
            "layout": checksum(self.folder / LAYOUT[self.family]),
            "board": _described(self.board),
            "design": self.design.name,
            "flash": [flash.offset, hashlib.sha256(flash.data).hexdigest()] if flash else None,
            "tools": self.tools,
        }
        outputs = (self.bitstream, SIDECAR, IMAGE) if flash else (self.bitstream, SIDECAR)
        self.steps.run("pack", inputs, outputs, work)
        self.steps.withdraw = ()  # what follows only describes

    def _about(self, path: Path) -> dict[str, Any]:
        part = self.board.part
        return {
            "design": self.design.name,
            "top": self.design.top,
            "board": self.board.name,
            "device": part.device,
            "idcode": f"0x{part.idcode:08x}" if part.idcode else None,
            "bitstream": path.name,
            "sha256": checksum(path),
        }

    def report(self, found: Mapping[str, Any] | None) -> None:
        def work(aside: Path) -> None:
            about = make_report(
                self.design.name, self.board, self.synthesis, self.placement,
                checksum(self.folder / self.bitstream), found,
            )  # fmt: skip
            (aside / "report.json").write_text(json.dumps(about, indent=2) + "\n")

        names = ("synth.json", "cells.json", "timing.json", "place.json", self.bitstream)
        inputs = {
            "files": {name: checksum(self.folder / name) for name in names},
            "check": found,
            "board": _described(self.board),
            "flags": self.options.flags(self.family),
            "design": [self.design.name, self.design.top],
            "tools": self.tools,
        }
        self.steps.run("report", inputs, ("report.json",), work)

    def picture(self) -> None:
        def work(aside: Path) -> None:
            about = json.loads((self.folder / "report.json").read_text())
            title = f"{self.design.name} on {self.board.title}"
            draw(self.folder / "placed.json", self.board.part, title, summary(about), aside / "floorplan")

        inputs = {
            "placed": checksum(self.folder / "placed.json"),
            "report": checksum(self.folder / "report.json"),
        }
        self.steps.run("floorplan", inputs, ("floorplan.png", "floorplan.svg"), work)


def _write_image(flash: FlashImage, bitstream: Path, path: Path) -> dict[str, Any]:
    """Write what the flash must hold, and describe it."""
    size = bitstream.stat().st_size
    if flash.offset < size:
        raise BoardError(
            f"the flash image must lie behind the bitstream of {size} bytes, not at {flash.offset:#x}; set its offset"
        )
    path.write_bytes(flash.data)
    return {"file": path.name, "offset": flash.offset, "bytes": len(flash.data), "sha256": checksum(path)}


def _described(board: Board) -> dict[str, Any]:
    return dataclasses.asdict(board)


def _plain(found: Any) -> Any:
    """Turn a check's result into JSON data."""
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return dataclasses.asdict(found)
    return dict(found) if isinstance(found, Mapping) else {"result": found}


def _identity(check: NetlistCheck) -> str:
    """Tell one check, with its bound arguments, from another; one that can't be told is never the same."""
    try:
        return digest(pickle.dumps(check).hex())
    except (pickle.PicklingError, AttributeError, TypeError):
        return uuid.uuid4().hex
