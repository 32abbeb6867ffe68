# SPDX-License-Identifier: BSD-2-Clause
"""The JSON file beside a vision transformer's tensors: what it must hold, and one clear line for what is wrong."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from gatewright.gen.model.json_table import Table, read_json
from gatewright.gen.model.vit_graph import Formats, Geometry
from gatewright.hw.core.errors import ModelError

FORMAT = "gatewright-vit-1"
COMMON_STEPS = ("pixel", "residual", "norm", "score", "gelu_in", "gelu_out", "gate")
POWERS = ("score", "gelu_in", "gelu_out", "gate")
BLOCK_STEPS = ("q", "k", "v", "attention")
WIDTHS = tuple(item.name for item in fields(Formats) if item.name.endswith(("_bits", "gain_fraction")))


@dataclass(frozen=True, kw_only=True)
class VitConfig:
    """A checked configuration.

    Attributes
    ----------
    name : str
    geometry : Geometry
    tasks : tuple of (name, class names)
    weights : str
        int8, or ternary for all but the gates, which are int8 always.
    norm, over : str
        As in `VitGraph`.
    epsilon : float
        Added to the variance in norms.
    steps : dict
        Real steps that all blocks share: those in ``COMMON_STEPS``; in ``POWERS``, powers of two.
    block_steps : tuple of dict
        Real steps of each block: those in ``BLOCK_STEPS``.
    widths : dict
        Fields of `Formats` that differ from its defaults.
    """

    name: str
    geometry: Geometry
    tasks: tuple[tuple[str, tuple[str, ...]], ...]
    weights: Literal["int8", "ternary"]
    norm: Literal["layer", "rms"]
    over: Literal["all", "chosen"]
    epsilon: float
    steps: dict[str, float]
    block_steps: tuple[dict[str, float], ...]
    widths: dict[str, int] = field(default_factory=dict)


def read_config(path: Path) -> VitConfig:
    """Read a configuration.

    Raises
    ------
    ModelError
        One line that names the file, the key and the rule.
    """
    return parse_config(read_json(path), path.name)


def parse_config(content: Any, file: str) -> VitConfig:
    """Check the content of a configuration file."""
    top = Table(content, file, "")
    if (found := top.text("format")) != FORMAT:
        top.fail("format", f"must be {FORMAT!r}, not {found!r}")
    name, sizes = top.text("name"), top.table("geometry")
    numbers = {item.name: sizes.integer(item.name) for item in fields(Geometry)}
    sizes.finish()
    try:
        geometry = Geometry(**numbers)
    except ModelError as error:
        raise ModelError(f"{file}: geometry.{error}") from None
    tasks = tuple(_task(table) for table in top.tables("tasks"))
    if not tasks or len({task for task, _ in tasks}) < len(tasks):
        top.fail("tasks", "must hold at least one task, and no name twice")
    steps = top.table("steps")
    common = {key: (steps.power if key in POWERS else steps.positive)(key) for key in COMMON_STEPS}
    blocks = steps.layers("blocks", BLOCK_STEPS, geometry.layers)
    steps.finish()
    widths = top.some_integers("widths", WIDTHS)
    config = VitConfig(
        name=name,
        geometry=geometry,
        tasks=tasks,
        weights=cast(Literal["int8", "ternary"], top.text("weights", "int8", "ternary")),
        norm=cast(Literal["layer", "rms"], top.text("norm", "layer", "rms")),
        over=cast(Literal["all", "chosen"], top.text("over", "all", "chosen")),
        epsilon=top.positive("epsilon"),
        steps=common,
        block_steps=blocks,
        widths=widths,
    )
    top.finish()
    return config


def _task(table: Table) -> tuple[str, tuple[str, ...]]:
    name, classes = table.text("name"), table.get("classes")
    good = isinstance(classes, list) and len(classes) > 1 and all(isinstance(item, str) for item in classes)
    if not good or len(set(classes)) < len(classes):
        table.fail("classes", "must be a list of two or more different strings")
    table.finish()
    return name, tuple(classes)
