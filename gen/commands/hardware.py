# SPDX-License-Identifier: BSD-2-Clause
"""``build`` and ``flash``: from a config to a bitstream, and from a bitstream to a board."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewright.fpga_boards.registry import boards, find_board
from gatewright.gen.board import build_design, synthesis_of
from gatewright.gen.console import console, progress, show_json, show_table
from gatewright.gen.flow.build import BuildResult
from gatewright.gen.flow.flash import flash as flash_bitstream
from gatewright.gen.flow.place import Algorithms, Placer, Router
from gatewright.gen.flow.report import show_report
from gatewright.gen.presets import load_design
from gatewright.hw.core.errors import BoardError

STEPS = ("synth", "netlist", "place", "pack", "report", "floorplan")


def build(
    config: Annotated[str, typer.Argument(help="Config file, or a preset's name.")],
    board: Annotated[str, typer.Option(help=f"Board: {', '.join(boards())}.")],
    mhz: Annotated[
        float | None, typer.Option(help="Clock rate that the placement must reach, if above the board's.")
    ] = None,
    placer: Annotated[Placer, typer.Option(help="nextpnr's placer; static may wire full parts shorter.")] = "heap",
    router: Annotated[
        Router | None, typer.Option(help="nextpnr's router; router2 may settle where wires crowd.")
    ] = None,
    no_dsp: Annotated[bool, typer.Option("--no-dsp", help="Build multipliers from LUTs.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for all outputs.")] = Path("build"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Synthesise, check the netlist against the golden model, place, route and pack for a board."""
    target = find_board(board)
    design = load_design(config, board)
    folder = out / design.name / board
    with progress(f"build {design.name} for {board}", len(STEPS), as_json) as steps:

        def announce(name: str) -> None:
            steps.done(f"{design.name} on {board}: {name}")

        options = synthesis_of(design, target)
        options = replace(options, dsp=False) if no_dsp else options
        result = build_design(design, target, folder, options, announce, mhz, Algorithms(placer, router))
    if as_json:
        show_json(report_of(result))
        return
    show_report(result.report)
    show_check(result.report)
    state = "unchanged, nothing to do" if result.cached else "wrote"
    console.print(f"{state}: {result.bitstream}, {result.picture[0].name}, report.json", soft_wrap=True, markup=False)


def report_of(result: BuildResult) -> dict[str, Any]:
    """Give a build's report with its paths."""
    return result.report | {
        "bitstream": str(result.bitstream),
        "picture": str(result.picture[0]),
        "cached": result.cached,
    }


def show_check(report: dict[str, Any]) -> None:
    """Say what the netlist had to pass."""
    check = report.get("netlist_check")
    if check:
        console.print(
            f"netlist: {check['lockstep_cycles']} cycles in lockstep with the RTL; "
            f"{check['inputs']} inputs through its UART equal the golden network",
            soft_wrap=True,
        )


def flash(
    config: Annotated[str, typer.Argument(help="Config file, preset, or a bitstream made by `build`.")],
    board: Annotated[str, typer.Option(help=f"Board: {', '.join(boards())}.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, print the command, write nothing.")] = False,
    persistent: Annotated[bool, typer.Option("--persistent", help="Write the flash chip: it outlives power.")] = False,
    out: Annotated[Path, typer.Option("--out", help="Folder for all outputs.")] = Path("build"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Write a bitstream to a board, and its flash image if it has one, after checking that they belong together."""
    target = find_board(board)
    path = Path(config)
    if path.suffix in {known.suffix for known in boards().values()} - {target.suffix}:
        raise BoardError(f"bitstream {path} must end in {target.suffix} for {board}; build it with --board {board}")
    if path.suffix != target.suffix:  # a design, not a bitstream
        design = load_design(config, board)
        path = out / design.name / board / f"{design.name}{target.suffix}"
    result = flash_bitstream(path, target, dry_run, persistent)
    if as_json:
        show_json({"commands": list(result.commands), "written": result.written, "output": result.output})
        return
    for command in result.commands:
        console.print(("would run: " if not result.written else "ran: ") + command, soft_wrap=True, markup=False)


def show_boards(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the boards."""
    known = boards().values()
    if as_json:
        show_json([{"name": b.name, "title": b.title, "part": b.part.device, "clock_hz": b.clock_hz} for b in known])
        return
    rows = [
        (b.name, b.title, b.part.device, b.clock_hz / 1e6, has.lut, has.dsp, has.bram)
        for b in known
        for has in (b.part.capacity,)
    ]
    show_table("Boards", ("board", "name", "part", "MHz", "LUT", "DSP", "BRAM"), rows)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("build")(build)
    app.command("flash")(flash)
    app.command("boards")(show_boards)
