# SPDX-License-Identifier: BSD-2-Clause
"""Pictures of ``bench ternary``: LUTs per multiplication by method and family, and what speed or memory they buy."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from gatewright.gen.bench.measure import tools_line
from gatewright.gen.bench.ternary_row import Row

COLOURS = {"ecp5": "#1f5a99", "gowin": "#2f8f5b", "ice40": "#b0532a", "xilinx": "#7a4fa3"}
MARKS = {"ecp5": "o", "gowin": "s", "ice40": "^", "xilinx": "D"}
NAMES = {"ecp5": "ECP5 (LUT4)", "gowin": "Gowin (LUT4)", "ice40": "iCE40 (LUT4)", "xilinx": "UltraScale+ (LUT6)"}
UP = {"ecp5": 4, "gowin": -9, "ice40": 4, "xilinx": -9}  # labels in points above their marks, so that they part
GREY = "#444444"
_DPI = 130


def draw(rows: Sequence[Row], outcome: dict[str, Any]) -> dict[str, bytes]:
    """Draw our designs with the flags that suit their family: file name to PNG."""
    ours = [row for row in rows if row.tuned and row.luts_per_mac]
    small = print_below(outcome)
    found = {}
    sizes = {row.point: sum(other.point == row.point for other in ours) for row in ours}
    if sizes:
        largest = max(sizes, key=lambda point: (sizes[point], point))
        here = [row for row in ours if row.point == largest]
        found["ternary_methods.png"] = _methods(here, f"Ternary multiplication, {largest}: LUTs each", small)
        title = f"LUTs and block RAMs: {largest}"
        found["pareto_ternary_memory.png"] = _scatter(
            here, title, "block RAMs", lambda row: float(row.bram or 0), small, least=True
        )
    placed = [row for row in ours if row.fmax_mhz]
    if placed:
        title = "Ternary multiplication: LUTs each against clock rate"
        found["pareto_ternary.png"] = _scatter(placed, title, "MHz", lambda row: row.fmax_mhz[0], small, least=False)
    return found


def print_below(outcome: dict[str, Any]) -> str:
    """Say where a picture comes from."""
    tools = {name: version for name, version in outcome["tools"].items() if name in ("gatewright", "pyosys")}
    return (
        "The whole engine: tables and their building, adders, kept sums, control; activations of 8 bits. "
        f"LUT sites as the table counts them.\n{tools_line(tools)}. Made by `{outcome['command']} --save`."
    )


def _axes(title: str, caption: str, left: float = 0.1) -> tuple[Any, Any]:
    # Drawn without pyplot: no global state, and no window system is looked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.6, 5.2), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left, 0.19, 0.97 - left, 0.72))
    axes.tick_params(labelsize=8)
    axes.grid(True, which="major", color="#e6e6e6", linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("LUT sites per weight and cycle", fontsize=9)
    figure.text(0.03, 0.945, title, fontsize=12, weight="bold")
    figure.text(0.03, 0.02, caption, fontsize=7.5, color=GREY, va="bottom", linespacing=1.4)
    return figure, axes


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _methods(rows: Sequence[Row], title: str, caption: str) -> bytes:
    """Draw a line per method, a mark per family."""
    figure, axes = _axes(title, caption, left=0.2)
    ways = list(dict.fromkeys(row.way for row in rows))
    for family, name in NAMES.items():
        here = [row for row in rows if row.family == family]
        if here:
            axes.plot(
                [row.luts_per_mac for row in here], [ways.index(row.way) for row in here], MARKS[family],
                color=COLOURS[family], label=name, markersize=7,
            )  # fmt: skip
    shared = [row for row in rows if row.shared]
    if shared:
        axes.plot(
            [((row.luts or 0) - row.shared) / (row.macs or 1) for row in shared], [ways.index(r.way) for r in shared],
            MARKS["xilinx"], markeredgecolor=COLOURS["xilinx"], markerfacecolor="white", markersize=6,
            label="UltraScale+, pairs of LUTs in one", zorder=1,
        )  # fmt: skip
    axes.set_yticks(range(len(ways)), ways, fontsize=9)
    axes.set_ylim(len(ways) - 0.5, -0.5)
    axes.set_xlim(0, 1.08 * max(row.luts_per_mac or 0 for row in rows))
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return _png(figure)


def _scatter(
    rows: Sequence[Row], title: str, label: str, value: Callable[[Row], float], caption: str, least: bool
) -> bytes:
    """Draw a mark per design and each family's front; ``least`` if small values are the better ones."""
    figure, axes = _axes(title, caption)
    for family, name in NAMES.items():
        here = sorted((row for row in rows if row.family == family), key=lambda row: row.luts_per_mac or 0)
        if not here:
            continue
        axes.plot(
            [row.luts_per_mac for row in here], [value(row) for row in here], MARKS[family], color=COLOURS[family],
            label=name, markersize=6,
        )  # fmt: skip
        front: list[Row] = []
        for row in here:
            if not front or (value(row) < value(front[-1]) if least else value(row) > value(front[-1])):
                front.append(row)
        axes.step(
            [row.luts_per_mac for row in front], [value(row) for row in front], where="post", color=COLOURS[family],
            linewidth=0.8, alpha=0.6,
        )  # fmt: skip
        for row in {row.way: row for row in front}.values():  # sizes of one way stand side by side: a name for all
            axes.annotate(
                row.way, (row.luts_per_mac or 0, value(row)), xytext=(5, UP[family]), textcoords="offset points",
                fontsize=7, color=COLOURS[family],
            )  # fmt: skip
    axes.set_ylabel(label, fontsize=9)
    axes.set_xlim(0, 1.1 * max(row.luts_per_mac or 0 for row in rows))
    axes.set_ylim(bottom=-2 if least else 0)
    axes.legend(fontsize=8, frameon=False)
    return _png(figure)
