# SPDX-License-Identifier: BSD-2-Clause
"""Fit the cost model of ternary engines to the designs that ``bench ternary`` measured."""

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from gatewright.gen.bench.ternary_row import OURS, Row
from gatewright.gen.files import write_file
from gatewright.gen.ternary.cost import TABLE, Point, estimate, measured, model, table
from gatewright.hw.ternary.tlmm.config import TlmmConfig


def points(rows: Sequence[Row]) -> list[Point]:
    """Give our engines that were synthesised with the flags that suit their family."""
    return [
        Point(row.fabric, TlmmConfig(**row.parameters), row.luts or 0, row.ff or 0, row.bram or 0)
        for row in rows
        if row.source == OURS and row.room == "tlmm" and row.tuned
    ]


def write_costs(rows: Sequence[Row], outcome: dict[str, Any]) -> list[Point]:
    """Write the fitted weights and the points behind them into the package; families not measured keep theirs."""
    found = points(rows)
    fresh = {point.family for point in found}
    path = Path(str(files("gatewright.gen.ternary").joinpath(TABLE)))
    kept = [point for point in (measured() if path.exists() else ()) if point.family not in fresh]
    provenance = {"command": f"{outcome['command']} --fit", "tools": outcome["tools"]}
    write_file(path, json.dumps(table([*kept, *found], provenance), indent=1) + "\n")
    measured.cache_clear()
    model.cache_clear()
    return found


COLUMNS = ("family", "method", "group x groups", "outputs", "LUTeq", "predicted", "off by %", "FF", "off by %")


def residuals(found: Sequence[Point]) -> list[tuple[Any, ...]]:
    """Give a line per design: measured, predicted, and the difference."""
    lines = []
    for point in found:
        config, guess = point.config, estimate(point.config, point.family)
        lines.append((
            point.family, config.method, f"{config.group} x {config.groups}", config.outputs_per_cycle, point.luts,
            round(guess.luts), round(100 * (guess.luts / point.luts - 1), 1), point.ff,
            round(100 * (guess.ff / point.ff - 1), 1),
        ))  # fmt: skip
    return lines
