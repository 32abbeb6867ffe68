# SPDX-License-Identifier: BSD-2-Clause
"""Cost of ternary multiplication by method and family, beside TeLLMe's published figures."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gatewright.gen.bench.measure import SEEDS, TARGET_MHZ, count, markdown_table, measure, tools_line
from gatewright.gen.bench.published.tellme import LUTS
from gatewright.gen.bench.ternary_cases import PARTS, TELLME_TERMS, TUNED, Case, cases
from gatewright.gen.bench.ternary_fit import COLUMNS as FIT_COLUMNS
from gatewright.gen.bench.ternary_fit import residuals, write_costs
from gatewright.gen.bench.ternary_plot import draw
from gatewright.gen.bench.ternary_row import OURS, Row, under_select
from gatewright.gen.console import console, show_json, show_table
from gatewright.gen.design import design_of
from gatewright.gen.files import write_file
from gatewright.gen.flow.report import tool_versions
from gatewright.gen.flow.synth import options_for
from gatewright.gen.ternary.structure import macs as macs_of

LARGEST = 5000  # LUTs: above that a placement takes more than three minutes
TELLME = f"TeLLMe's size: {TELLME_TERMS} activations, outputs a cycle not published"


def measured(case: Case, folder: Path, place: bool) -> Row:
    """Give a case's line: synthesised, and placed if that takes no more than minutes."""
    design = design_of(case.room, "engine", **case.parameters)
    part = PARTS[case.fabric]
    options = options_for(part, case.options) if part else case.options
    cost = count(design, case.fabric, options, folder)
    if part and place:
        small = (cost.lut_equivalent or cost.lut4 or 0) <= LARGEST
        cost = measure(design, part, options, folder, SEEDS[:1] if small else ())
        cost.note = cost.note or ("" if small else "too large to place here")
    config = design.config
    macs = macs_of(config) if case.room == "tlmm" else config.input_count * config.output_count
    return Row(
        **vars(cost), fabric=case.fabric, point=case.point, way=case.way, source=OURS, macs=macs, room=case.room,
        tuned=case.options == TUNED[case.fabric], parameters=dict(case.parameters),
    )  # fmt: skip


def published() -> list[Row]:
    """Give TeLLMe's figures."""
    return [
        Row(
            fabric="xilinx", family="xilinx", flags="Vitis HLS, Vivado", point=TELLME, way=way, source="TeLLMe v2",
            macs=None, known_luteq=luts,
        )
        for way, luts in LUTS.items()
    ]  # fmt: skip


def bench_ternary(
    quick: bool = False,
    save: Path | None = None,
    as_json: bool = False,
    done: Callable[[str], None] = lambda title: None,
    chosen: Sequence[Case] | None = None,
    fit: bool = False,
    options: str = "",
) -> list[Row]:
    """Measure all ways on all families and show them beside published figures.

    Parameters
    ----------
    quick : bool
        Synthesise only, and smaller sizes only.
    save : Path, optional
        Folder that gets ``bench_ternary.json``, ``bench_ternary.md`` and the picture.
    as_json : bool
        Print JSON instead of tables.
    done : callable
        Hears of each case that ends.
    chosen : sequence of Case, optional
        Instead of `cases`.
    fit : bool
        Fit the cost model to what was measured and write it into the package.
    options : str
        What else belongs to the command that gives the same.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
        for index, case in enumerate(cases(quick) if chosen is None else chosen):
            rows.append(measured(case, Path(folder) / str(index), place=not quick))
            done(case.title)
    rows += published()
    outcome = {
        "command": "gatewright bench ternary" + (" --quick" if quick else "") + options,
        "tools": tool_versions("ecp5") | tool_versions("ice40") | tool_versions("gowin"),
        "seeds": [] if quick else list(SEEDS[:1]),
        "parts": {family: part.name if part else "UltraScale+, not placed" for family, part in PARTS.items()},
        "target_mhz": TARGET_MHZ,
        "rows": [row.as_json() | {"under_select": under_select(row, rows)} for row in rows],
    }
    if save is not None:
        _save(save, outcome, rows)
    fitted = write_costs(rows, outcome) if fit else []
    if as_json:
        show_json(outcome)
    else:
        for title, lines in tables(rows):
            show_table(title, COLUMNS, lines)
        if fitted:
            show_table("Cost model beside what it was fitted to", FIT_COLUMNS, residuals(fitted))
        console.print(caption(outcome), soft_wrap=True)
    return rows


COLUMNS = (
    "method", "family", "LUT", "carry", "LUT RAM", "LUTeq", "LUTeq/MAC", "x under select", "FF/MAC", "block RAM",
    "spared", "cells placed", "MHz", "flags",
)  # fmt: skip


def tables(rows: Sequence[Row]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Give title and lines of the table of each size."""
    points = list(dict.fromkeys(row.point for row in rows))
    return [(point, [_line(row, rows) for row in rows if row.point == point]) for point in points]


def _line(row: Row, rows: Sequence[Row]) -> tuple[Any, ...]:
    def rounded(value: float | None, digits: int) -> float | None:
        return None if value is None else round(value, digits)

    ours = row.source == OURS
    flags = row.flags + (", wrapped" if row.wrapped and row.fmax_mhz else "") + (f" ({row.note})" if row.note else "")
    return (
        row.way if ours else f"({row.way}, {row.source})", row.family, row.lut4, row.carry, row.ram if ours else None,
        row.luts, rounded(row.luts_per_mac, 1), rounded(under_select(row, rows), 2),
        rounded(row.ff / row.macs, 1) if row.ff is not None and row.macs else None, row.bram, row.shared or None,
        row.placed_cells, row.fmax_mhz[0] if row.fmax_mhz else None, flags,
    )  # fmt: skip


def caption(outcome: dict[str, Any]) -> str:
    """Say what the tables mean and how they came about."""
    return (
        "Our engine (room tlmm) whole: building of the tables, lookup or selection, adder tree, sums kept between 8 "
        "blocks for 64 beats, control and handshakes; activations of 8 bits. A MAC is one weight that meets one "
        "activation in a cycle. LUTeq, LUT sites in all: ECP5 LUT4 + 2 CCU2C + 4 DPR16X4; Gowin LUT1..4 + ALU + 4 "
        "RAM16SDP4; iCE40 SB_LUT4, in whose cells carries are; UltraScale+ LUT1..6 and LUTs used as memory, LUT RAM "
        "counts those. Spared: pairs of these LUTs in front of a carry that one LUT6 with two outputs holds, not taken "
        "off. x under select: LUTeq per MAC of the cheapest select of the same size and family over that of the "
        "design. (Names) in brackets: TeLLMe v2, arXiv 2510.15926, as published; LUTs of its engine at 28 groups of 3, "
        f"outputs a cycle not told, so only ratios compare. Parts: {outcome['parts']}. MHz: seed 1, "
        f"{outcome['target_mhz']:g} MHz asked, nothing above {LARGEST} LUTs placed; wrapped: placed between shift "
        "registers for want of pins, cells placed include those. "
        f"Tools: {tools_line(outcome['tools'])}. Seeds: {outcome['seeds'] or 'none, synthesis only'}."
    )


def _save(folder: Path, outcome: dict[str, Any], rows: Sequence[Row]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "bench_ternary.json", json.dumps(outcome, indent=2) + "\n")
    parts = ["# Ternary multiplication: methods by family, beside TeLLMe\n"]
    parts += [f"## {title}\n\n{markdown_table(COLUMNS, lines)}" for title, lines in tables(rows)]
    parts += [caption(outcome) + "\n", f"Made by `{outcome['command']} --save`.\n"]
    write_file(folder / "bench_ternary.md", "\n".join(parts))
    for name, picture in draw([row for row in rows if row.source == OURS], outcome).items():
        write_file(folder / name, picture)
