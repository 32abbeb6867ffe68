# SPDX-License-Identifier: BSD-2-Clause
"""Pictures of error against area: our designs, published ones, and the front that nobody beats."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

OURS, THEIRS, LINES = "#1f5a99", "#b0532a", "#8a8a8a"
_DPI = 130


@dataclass(frozen=True)
class Point:
    """One design.

    Attributes
    ----------
    area : float or None
        LUTeq; a design whose area nobody published is a line across the picture.
    error : float
        Greatest error, as a real number.
    ours : bool
        Filled marks; published designs are hollow.
    blocks : str
        Hard blocks beside the LUTs.
    """

    name: str
    area: float | None
    error: float
    ours: bool
    blocks: str = ""

    @property
    def label(self) -> str:
        """What stands beside the mark."""
        name = self.name if self.ours else f"({self.name})"
        return f"{name} + {self.blocks}" if self.blocks else name


def front(points: Sequence[Point], memories: bool = True) -> list[Point]:
    """Give the designs of known area that no other one beats in both area and error, by area.

    Without ``memories``, those with block RAM are left out: their area says little.
    """
    best: list[Point] = []
    known = [point for point in points if point.area and (memories or "BRAM" not in point.blocks)]
    for point in sorted(known, key=lambda p: (p.area, p.error)):
        if not best or point.error < best[-1].error:
            best.append(point)
    return best


def draw(
    points: Sequence[Point], title: str, caption: str, unit: float | None = None, memories: bool = True
) -> bytes:
    """Draw the designs on logarithmic axes; give a PNG.

    Parameters
    ----------
    title, caption : str
        Lines of text above and below the picture.
    unit : float, optional
        Real value of one unit of the output that most designs share: drawn as a level.
    memories : bool
        Whether designs with block RAM take part in the front.
    """
    # Drawn without pyplot: no global state, and no window system is looked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(7.6, 5.2), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.1, 0.19, 0.87, 0.72))
    axes.set_xscale("log")
    axes.set_yscale("log")
    known = [point for point in points if point.area]
    steps = front(points, memories)
    areas = [point.area or 1.0 for point in known]
    right = max(areas) * 2.6
    corners = [(point.area or 1.0, point.error) for point in steps]
    axes.step(
        [*(x for x, _ in corners), right], [*(y for _, y in corners), corners[-1][1]], where="post", color=LINES,
        linewidth=0.9, zorder=1,
    )  # fmt: skip
    for point, area in zip(known, areas, strict=True):
        colour = OURS if point.ours else THEIRS
        axes.plot(
            area, point.error, "o", markersize=6, markeredgecolor=colour,
            markerfacecolor=colour if point.ours else "white", zorder=3,
        )  # fmt: skip
    errors = [point.error for point in points]
    axes.set_xlim(min(areas) / 1.6, right)
    axes.set_ylim(min(errors) / 4, max(errors) * 2)
    for point in points:
        if not point.area:
            axes.axhline(point.error, color=THEIRS, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    if unit is not None:
        axes.axhline(unit, color=LINES, linewidth=0.8, linestyle=":", zorder=1)
    _label(axes, points, unit)
    axes.set_xlabel("LUTeq on ECP5 (LUT4 + 2 CCU2C + 4 DPR16X4)", fontsize=9)
    axes.set_ylabel("greatest error, as a real number", fontsize=9)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=8)
    axes.grid(True, which="major", color="#e6e6e6", linewidth=0.6, zorder=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.text(0.1, 0.945, title, fontsize=12, weight="bold")
    figure.text(0.1, 0.02, caption, fontsize=7.5, color="#444444", va="bottom", linespacing=1.4)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _label(axes: object, points: Sequence[Point], unit: float | None) -> None:
    """Write each name beside its mark, where it hides no other name: right, left, above or below."""
    from typing import Any, cast

    plot = cast(Any, axes)
    to_pixels = plot.transData.transform
    marks = [tuple(to_pixels((p.area, p.error))) for p in points if p.area]
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in marks]
    left, bottom, right, top = plot.bbox.extents
    if unit is not None:
        _, level = to_pixels((1, unit))
        plot.annotate(
            "1 LSB", (right - 4, level - 3), xycoords="figure pixels", fontsize=7, color=LINES, ha="right", va="top"
        )
        taken.append((right - 44, level - 16, right, level))
    lines = [p for p in points if not p.area]
    for point in sorted(lines, key=lambda p: p.error):
        _, level = to_pixels((1, point.error))
        text = f"({point.name}; no area known)"
        width = _width(text, 7)
        spots = [(left + 4 + shift, level + up) for shift in (0, 120, 240, 360) for up in (3, -16)]
        x, y = _free(spots, width, taken, (left, bottom, right, top))
        taken.append((left, level - 1, right, level + 1))  # no name across the line
        plot.annotate(text, (x, y), xycoords="figure pixels", fontsize=7, color=THEIRS, va="bottom")
    for point, (x, y) in sorted(zip([p for p in points if p.area], marks, strict=True), key=lambda item: item[1]):
        text = point.label
        width = _width(text, 7.5)
        spots = [
            (x + 7, y + 4), (x + 9, y - 18), (x - 7 - width, y + 4), (x - 7 - width, y - 18), (x - width / 2, y + 8),
            (x - width / 2, y - 22), (x + 9, y - 6), (x - 9 - width, y - 6),
            *((x + 9, y + step) for step in (20, -34, 36, -50, 52, -66)),
            *((right - width, y + step) for step in (8, -22, 22, -36, 36) if x + width > right),
        ]  # fmt: skip
        at = _free(spots, width, taken, (left, bottom, right, top))
        if abs(at[1] + 7 - y) > 22:  # too far for the eye
            plot.annotate(
                "", (x, y), (at[0], at[1] + 7), xycoords="figure pixels", textcoords="figure pixels",
                arrowprops={"arrowstyle": "-", "color": LINES, "linewidth": 0.5},
            )  # fmt: skip
        plot.annotate(
            text, at, xycoords="figure pixels", fontsize=7.5, color=OURS if point.ours else THEIRS, va="bottom"
        )


def _width(text: str, points: float) -> float:
    """Give the width of a text in pixels."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=points).get_extents().width) * _DPI / 72 + 4


Box = tuple[float, float, float, float]


def _free(spots: Sequence[tuple[float, float]], width: float, taken: list[Box], frame: Box) -> tuple[float, float]:
    """Give the first spot whose box meets no other, within the frame; claim it."""

    def box(spot: tuple[float, float]) -> Box:
        return (spot[0], spot[1], spot[0] + width, spot[1] + 14)

    def fits(b: Box) -> bool:
        inside = b[0] >= frame[0] and b[1] >= frame[1] and b[2] <= frame[2] + 20 and b[3] <= frame[3] + 10
        return inside and not any(b[0] < t[2] and t[0] < b[2] and b[1] < t[3] and t[1] < b[3] for t in taken)

    found = next((spot for spot in spots if fits(box(spot))), spots[0])
    taken.append(box(found))
    return found
