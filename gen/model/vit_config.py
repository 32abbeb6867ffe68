# SPDX-License-Identifier: BSD-2-Clause
"""The JSON file beside a vision transformer's tensors: what it must hold, and one clear line for what is wrong."""

import json
import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NoReturn, cast

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
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise ModelError(f"configuration {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ModelError(f"configuration {path} is no JSON: {error}") from None
    return parse_config(content, path.name)


def parse_config(content: Any, file: str) -> VitConfig:
    """Check the content of a configuration file."""
    top = _Table(content, file, "")
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
    common = {key: steps.positive(key) for key in COMMON_STEPS}
    for key in POWERS:
        if math.frexp(common[key])[0] != 0.5 or not 2.0**-16 <= common[key] <= 1:
            steps.fail(key, f"must be a power of two in 2**-16..1, not {common[key]}")
    blocks = []
    for table in steps.tables("blocks"):
        blocks.append({key: table.positive(key) for key in BLOCK_STEPS})
        table.finish()
    if len(blocks) != geometry.layers:
        steps.fail("blocks", f"must hold an entry for each of {geometry.layers} layers, not {len(blocks)}")
    steps.finish()
    widths = {}
    if "widths" in top.content:
        table = top.table("widths")
        widths = {key: table.integer(key) for key in WIDTHS if key in table.content}
        table.finish()
    config = VitConfig(
        name=name,
        geometry=geometry,
        tasks=tasks,
        weights=cast(Literal["int8", "ternary"], top.text("weights", "int8", "ternary")),
        norm=cast(Literal["layer", "rms"], top.text("norm", "layer", "rms")),
        over=cast(Literal["all", "chosen"], top.text("over", "all", "chosen")),
        epsilon=top.positive("epsilon"),
        steps=common,
        block_steps=tuple(blocks),
        widths=widths,
    )
    top.finish()
    return config


def _task(table: "_Table") -> tuple[str, tuple[str, ...]]:
    name, classes = table.text("name"), table.get("classes")
    good = isinstance(classes, list) and len(classes) > 1 and all(isinstance(item, str) for item in classes)
    if not good or len(set(classes)) < len(classes):
        table.fail("classes", "must be a list of two or more different strings")
    table.finish()
    return name, tuple(classes)


class _Table:
    """A JSON object; it knows which of its keys have been read."""

    def __init__(self, content: Any, file: str, path: str) -> None:
        self.file, self.path, self.known = file, path, set[str]()
        if not isinstance(content, dict):
            raise ModelError(f"{file}: {path or 'the file'} must be an object, not {_kind(content)}")
        self.content: dict[str, Any] = content

    def fail(self, key: str, rule: str) -> NoReturn:
        raise ModelError(f"{self.file}: {self._name(key)} {rule}")

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> Any:
        self.known.add(key)
        if key not in self.content:
            self.fail(key, "is missing")
        return self.content[key]

    def text(self, key: str, *choices: str) -> str:
        value = self.get(key)
        if not isinstance(value, str):
            self.fail(key, f"must be a string, not {_kind(value)}")
        if choices and value not in choices:
            self.fail(key, f"must be {' or '.join(choices)}, not {value!r}")
        return value

    def integer(self, key: str) -> int:
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(key, f"must be an integer, not {_kind(value)}")
        return value

    def positive(self, key: str) -> float:
        value = self.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.fail(key, f"must be a number, not {_kind(value)}")
        if not 0 < value < math.inf:
            self.fail(key, f"must be positive and finite, not {value}")
        return float(value)

    def table(self, key: str) -> "_Table":
        return _Table(self.get(key), self.file, self._name(key))

    def tables(self, key: str) -> list["_Table"]:
        value = self.get(key)
        if not isinstance(value, list):
            self.fail(key, f"must be a list, not {_kind(value)}")
        return [_Table(item, self.file, f"{self._name(key)}[{index}]") for index, item in enumerate(value)]

    def finish(self) -> None:
        """Refuse keys that nobody has read."""
        for key in self.content:
            if key not in self.known:
                self.fail(key, f"is unknown; known here are {', '.join(sorted(self.known))}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), f"{value!r}")
