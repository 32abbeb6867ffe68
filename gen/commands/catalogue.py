# SPDX-License-Identifier: BSD-2-Clause
"""``list``, ``new`` and ``generate``: choose a room, write its config, emit its Verilog."""

from pathlib import Path
from typing import Annotated

import typer

from gatewright.gen.console import console, show_json, show_table
from gatewright.gen.design import template
from gatewright.gen.emit import generate as emit
from gatewright.gen.hls.package import write_package
from gatewright.gen.presets import load_design, presets
from gatewright.gen.registry import find_room, rooms
from gatewright.hls_kernels.catalogue import kernel_of

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for all outputs.")]


def list_rooms(as_json: Json = False) -> None:
    """List the rooms and the ready-made accelerators."""
    known = sorted(rooms().values(), key=lambda room: (room.wing, room.name))
    ready = presets()
    if as_json:
        show_json(
            {
                "rooms": [{"name": r.name, "wing": r.wing, "stage": r.stage, "summary": r.summary} for r in known],
                "presets": [{"name": name, "summary": text} for name, text in ready.items()],
            }
        )
        return
    rows = [(r.wing, r.name, r.stage, r.summary) for r in known]
    show_table("Rooms", ("wing", "room", "stage", "what it does"), rows)
    show_table("Presets", ("preset", "what it is"), list(ready.items()))


def new(
    room: Annotated[str, typer.Argument(help="Room to configure; see `gatewright list`.")],
    name: Annotated[str | None, typer.Option(help="Name of the design.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the parameters' JSON schema.")] = False,
) -> None:
    """Print a commented config with every parameter, its unit, range and default."""
    found = find_room(room)
    if as_json:
        show_json(found.settings.model_json_schema())
    else:
        print(template(found, name), end="")


def generate(
    config: Annotated[str, typer.Argument(help="Config file, or a preset's name.")],
    board: Annotated[str | None, typer.Option(help="Apply a preset's settings for this board.")] = None,
    hls: Annotated[
        bool, typer.Option("--hls", help="Also write the kernel for HLS compilers: C++, testbench, vectors, DSLX.")
    ] = False,
    xls: Annotated[
        bool, typer.Option("--xls", help="With --hls: Verilog by XLS too, from the DSLX (extra hls; small frames).")
    ] = False,
    out: Out = Path("build"),
    as_json: Json = False,
) -> None:
    """Emit the Verilog of a config, with a manifest and a FuseSoC core file."""
    design = load_design(config, board)
    if hls or xls:
        kernel_of(design.config)  # refuse before anything is written
    folder = out / design.name / "rtl"
    about = emit(design, folder)
    said = write_package(design, out / design.name / "hls", xls) if hls or xls else []
    if as_json:
        about |= {"hls": said} if said else {}
        show_json(about | {"folder": str(folder)})
        return
    rows = [(p["name"], p["direction"], p["bits"], ", ".join(_field(f) for f in p["fields"])) for p in about["ports"]]
    show_table(about["summary"], ("stream", "direction", "bits", "payload fields, lowest bits first"), rows)
    for note in about["notes"]:
        console.print(note, soft_wrap=True, markup=False)
    for line in said:
        console.print(f"hls: {line}", soft_wrap=True, markup=False)
    timing = about["timing"]
    console.print(
        f"wrote {folder / (design.top + '.v')}; latency {timing['latency_cycles']} cycles, "
        f"one beat each {timing['interval_cycles']}",
        soft_wrap=True,
        markup=False,
    )


def _field(item: dict[str, object]) -> str:
    shape = item["shape"]
    count = "".join(f"[{length}]" for length in shape) if isinstance(shape, list) else ""
    return f"{item['name']}{count}: {'signed' if item['signed'] else 'unsigned'} {item['bits']}"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_rooms)
    app.command("new")(new)
    app.command("generate")(generate)
