# SPDX-License-Identifier: BSD-2-Clause
"""Draw where nextpnr put a design, as a PNG and a small SVG."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewright.fpga_boards.board import Family, Part
from gatewright.gen.files import write_file

# Order of drawing and of the legend; hues that stay apart for colour-blind readers.
COLOURS = {
    "LUT": "#0072b2",
    "carry": "#56b4e9",
    "FF": "#e69f00",
    "DSP": "#cc3311",
    "BRAM": "#009e73",
    "SPRAM": "#882255",
    "IO": "#aa4499",
    "clock": "#444444",
}
_SITE = re.compile(r"X(\d+)/?Y(\d+)/(.+)")
# How many sites of a kind fill one tile.
_FULL = {"LUT": 8, "carry": 8, "FF": 8, "DSP": 1, "BRAM": 1, "SPRAM": 1, "IO": 2, "clock": 1}


@dataclass(frozen=True)
class Cell:
    """A placed cell: its tile and what it is, a key of `COLOURS`."""

    x: int
    y: int
    kind: str


def read_cells(placed: Path, part: Part) -> list[Cell]:
    """Read cells and places from the JSON netlist that nextpnr wrote; constants and the like are left out.

    Rows count from the top, as a picture's do; nextpnr counts an iCE40's from the bottom.
    """
    modules = json.loads(placed.read_text())["modules"]
    top = next(module for module in modules.values() if int(module["attributes"].get("top", "0"), 2))
    found = []
    for name, cell in top["cells"].items():
        site = _SITE.match(cell["attributes"].get("NEXTPNR_BEL", ""))
        if site is None:
            continue
        row = part.grid[1] - 1 - int(site[2]) if part.family == "ice40" else int(site[2])
        for kind in _kinds(part.family, name, cell["type"], cell.get("parameters", {})):
            found.append(Cell(int(site[1]), row, kind))
    return found


def _kinds(family: Family, name: str, type_: str, parameters: Mapping[str, str]) -> Iterable[str]:
    if family == "ice40" and type_ == "ICESTORM_LC":  # one cell is a LUT, a carry and a flip-flop
        if set(parameters.get("LUT_INIT", "")) & {"1"}:
            yield "carry" if _bit(parameters, "CARRY_ENABLE") else "LUT"
        if _bit(parameters, "DFF_ENABLE"):
            yield "FF"
        return
    if type_ == "TRELLIS_COMB" and "CCU2" in name:
        yield "carry"
        return
    for pattern, kind in _TYPES:
        if re.fullmatch(pattern, type_):
            yield kind
            return


_TYPES = (
    (r"TRELLIS_COMB|LUT[1-4]|TRELLIS_RAMW|RAM16\w+", "LUT"),
    (r"ALU", "carry"),
    (r"TRELLIS_FF|DFF\w*", "FF"),
    (r"MULT\w+|ALU54\w*|ICESTORM_DSP|PADD\w+", "DSP"),
    (r"DP16KD|ICESTORM_RAM|BSRAM|SDP\w*|DPX?9?B?|SPX?9?|p?ROMX?9?", "BRAM"),
    (r"ICESTORM_SPRAM", "SPRAM"),
    (r"TRELLIS_IO|SB_IO|[IOT]+O?BUF|IOBUF", "IO"),
    (r"DCCA|SB_GB|BUFG\w*|EHXPLLL|rPLL|ICESTORM_PLL", "clock"),
)


def _bit(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "0")[-1:] == "1"


def tiles(cells: Iterable[Cell]) -> dict[tuple[int, int, str], float]:
    """Give how full each tile is, 0..1, by (column, row, kind)."""
    count = Counter((cell.x, cell.y, cell.kind) for cell in cells)
    return {key: min(1.0, number / _FULL[key[2]]) for key, number in count.items()}


def floorplan_svg(cells: Iterable[Cell], part: Part, title: str, caption: str) -> str:
    """Draw the placement with one path for each kind and shade, so that full devices stay small."""
    columns, rows = part.grid
    unit = 900 / columns
    width, height = columns * unit, rows * unit
    shades: dict[tuple[str, int], list[str]] = {}
    for (x, y, kind), fill in sorted(tiles(cells).items()):
        shades.setdefault((kind, max(1, round(4 * fill))), []).append(f"M{x} {y}h1v1h-1z")
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 20:.0f} {height + 90:.0f}" '
        'font-family="sans-serif">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="10" y="26" font-size="18">{_escape(title)}</text>',
        f'<text x="10" y="46" font-size="13" fill="#555">{_escape(caption)}</text>',
        f'<g transform="translate(10 58) scale({unit:.4f})">',
        f'<rect width="{columns}" height="{rows}" fill="#f4f4f4" stroke="#999" stroke-width=".1"/>',
    ]
    for kind, colour in COLOURS.items():
        for level in range(1, 5):
            path = "".join(shades.get((kind, level), ()))
            if path:
                body.append(f'<path fill="{colour}" fill-opacity="{0.15 + 0.2 * level:.2f}" d="{path}"/>')
    body.append("</g>")
    for index, (kind, colour) in enumerate(COLOURS.items()):
        left, base = 10 + 90 * index, height + 70
        body.append(f'<rect x="{left}" y="{base:.0f}" width="12" height="12" fill="{colour}"/>')
        body.append(f'<text x="{left + 16}" y="{base + 11:.0f}" font-size="13">{kind}</text>')
    return "\n".join([*body, "</svg>"]) + "\n"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def floorplan_png(cells: Iterable[Cell], part: Part, title: str, caption: str) -> bytes:
    """Draw the placement as a picture of the device, one square for each tile.

    The left half of a logic tile fills with LUTs and carries, the right half with flip-flops; hard
    blocks fill their tile.
    """
    # The figure is drawn without pyplot: no global state, and no window system is looked for.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    cells = list(cells)
    image = _raster(cells, part)
    rows, columns = image.shape[:2]
    width, height = max(columns + 60, 960), rows + 160  # pixels; the legend needs 960
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    # One image pixel is one pixel of the picture: scaling would make the grid uneven.
    axes = figure.add_axes((30 / width, 60 / height, columns / width, rows / height))
    axes.imshow(image, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color("#888888")
    figure.text(30 / width, 1 - 42 / height, title, fontsize=15, weight="bold")
    below = figure.text(30 / width, 1 - 74 / height, caption, fontsize=10, color="#444444")
    below.set_fontsize(10 * min(1.0, (width - 60) / below.get_window_extent().width))
    count = Counter(cell.kind for cell in cells)
    handles = [Patch(color=colour, label=f"{kind} {count[kind]:,}") for kind, colour in COLOURS.items() if count[kind]]
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(20 / width, 4 / height), ncols=len(COLOURS),
        frameon=False, fontsize=10 if len(handles) < 8 else 9, handlelength=1.0, columnspacing=1.4,
    )  # fmt: skip
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


_DPI = 130


def _raster(cells: Iterable[Cell], part: Part) -> NDArray[np.uint8]:
    columns, rows = part.grid
    pitch = 1150 // max(columns, rows)
    side = pitch - max(1, pitch // 12)  # the rest is the gap to the neighbour
    half = side // 2
    image = np.full((rows * pitch, columns * pitch, 3), 0xFF, np.uint8)
    squares = image.reshape(rows, pitch, columns, pitch, 3)
    squares[:, :side, :, :side] = 0xF0
    count = Counter((cell.x, cell.y, cell.kind) for cell in cells)
    for y, x in sorted({(y, x) for x, y, _ in count}):
        tile = squares[y, :, x]
        number = {kind: count[x, y, kind] for kind in COLOURS}
        level = side
        for kind in ("carry", "LUT"):
            top = level - round(side * min(8, number[kind]) / 8)
            tile[max(top, 0) : level, :half] = _rgb(COLOURS[kind])
            level = max(top, 0)
        tile[side - round(side * min(8, number["FF"]) / 8) : side, half + 1 : side] = _rgb(COLOURS["FF"])
        for kind in ("DSP", "BRAM", "SPRAM", "IO", "clock"):
            if number[kind]:
                tile[:side, :side] = _rgb(COLOURS[kind])
    return image


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def draw(placed: Path, part: Part, title: str, caption: str, stem: Path) -> tuple[Path, Path]:
    """Write ``<stem>.png`` and ``<stem>.svg``.

    Parameters
    ----------
    placed : Path
        JSON netlist with places, from nextpnr.
    title, caption : str
        Two lines of text above the picture.

    Returns
    -------
    tuple of Path
        The PNG and the SVG.
    """
    cells = read_cells(placed, part)
    png, svg = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")
    write_file(png, floorplan_png(cells, part, title, caption))
    write_file(svg, floorplan_svg(cells, part, title, caption))
    return png, svg
