# SPDX-License-Identifier: BSD-2-Clause
"""A picture of which expert took which patch of an image, layer by layer."""

import io
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from gatewright.gen.model.vit_graph import Geometry
from gatewright.hw.core.numerics import Ints

SIDE = 3.0  # inches of a panel
INNER = 0.45  # of a patch's side: the square of the second choice


def expert_map(size: Geometry, image: Ints, routes: Ints, layers: Sequence[int], title: str) -> bytes:
    """Draw the image, then for each mixture its patches in the colours of their experts.

    Parameters
    ----------
    image : (channels, height, width) int64
        Pixel codes.
    routes : (mixtures, tokens, k) int64
        Experts of each token, best first; token 0 is the class token.
    layers : sequence of int
        The layer of each mixture.
    title : str
        Stands above.

    Returns
    -------
    bytes
        A PNG; the same input gives the same picture.
    """
    panels = 1 + len(routes)
    figure = Figure(figsize=(panels * SIDE + 0.3, SIDE * size.rows / size.columns + 1.5), dpi=120, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    shown = np.moveaxis(image, 0, -1) / max(int(image.max()), 1)
    axes[0].imshow(shown if size.channels == 3 else shown[..., 0], cmap="gray", vmin=0, vmax=1)
    axes[0].set_title("image", fontsize=11)
    colours = colormaps["tab10" if size.experts <= 10 else "gist_ncar"].resampled(max(size.experts, 10))
    for at, layer, chosen in zip(axes[1:], layers, routes, strict=True):
        _panel(at, size, chosen, colours)
        classy = " and ".join(map(str, chosen[0].tolist()))
        at.set_title(f"layer {layer}; class token: {classy}", fontsize=11)
    for at in axes:
        at.set_xticks([])
        at.set_yticks([])
    handles = [Patch(color=colours(expert), label=f"expert {expert}") for expert in np.unique(routes).tolist()]
    figure.legend(handles=handles, loc="lower center", ncols=min(len(handles), 8), frameon=False, fontsize=10)
    figure.suptitle(title, fontsize=13, weight="bold")
    figure.subplots_adjust(left=0.02, right=0.98, top=0.8, bottom=0.14, wspace=0.06)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _panel(axes: Axes, size: Geometry, chosen: Ints, colours: object) -> None:
    """Draw a square a patch: its best expert, inside it the second, and the best one's number."""
    axes.set_xlim(0, size.columns)
    axes.set_ylim(size.rows, 0)
    axes.set_aspect("equal")
    for patch, experts in enumerate(chosen[1:].tolist()):
        row, column = divmod(patch, size.columns)
        for place, expert in enumerate(experts[:2]):
            side = 0.94 if place == 0 else INNER
            corner = (column + (1 - side) / 2, row + (1 - side) / 2)
            axes.add_patch(Rectangle(corner, side, side, color=colours(expert), linewidth=0))  # type: ignore[operator]
        if size.columns <= 4:
            label = "\u2009+\u2009".join(map(str, experts[:2]))
            axes.text(column + 0.5, row + 0.5, label, ha="center", va="center", fontsize=8, color="white")
