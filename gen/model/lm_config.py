# SPDX-License-Identifier: BSD-2-Clause
"""The JSON file beside a language model's tensors: what it must hold, and one clear line for what is wrong."""

import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast

from gatewright.gen.model.json_table import Table, read_json
from gatewright.gen.model.lm_sizes import LmFormats, LmGeometry
from gatewright.hw.core.errors import ModelError

FORMAT = "gatewright-lm-1"
COMMON_STEPS = {
    "transformer": ("embed", "residual", "norm", "mixer_norm", "ffn_norm", "score", "gate", "middle"),
    "mlgru": ("embed", "residual", "norm", "mixer_norm", "ffn_norm", "gate", "middle", "state"),
}
POWERS = ("score", "gate", "middle")
BLOCK_STEPS = {"transformer": ("q", "k", "v", "up"), "mlgru": ("up",)}
SIZES = {
    "transformer": ("vocab", "dim", "layers", "heads", "kv_heads", "head_dim", "ff", "context"),
    "mlgru": ("vocab", "dim", "layers", "ff", "context"),
}
WIDTHS = tuple(item.name for item in fields(LmFormats) if item.name.endswith(("_bits", "gain_fraction")))


@dataclass(frozen=True, kw_only=True)
class LmConfig:
    """A checked configuration.

    Attributes
    ----------
    name : str
    geometry : LmGeometry
    gate, act : str
        As in `LmGraph`.
    head : str
        untied, a ternary matrix of its own; int8, one that is not ternary; or tied, the embedding.
    epsilon : float
        Added to mean squares in norms.
    rope_base : float
        As in `LmGraph`; any in family mlgru.
    steps : dict
        Real steps that all blocks share: ``COMMON_STEPS``; in ``POWERS``, powers of two. ``embed`` and ``residual``
        differ by a power of two, as do ``middle`` and ``state``.
    block_steps : tuple of dict
        Real steps of each block: ``BLOCK_STEPS``.
    widths : dict
        Fields of `LmFormats` that differ from its defaults.
    training : dict
        How the model came about; no part of its meaning.
    """

    name: str
    geometry: LmGeometry
    gate: Literal["relu2", "silu"]
    head: Literal["tied", "untied", "int8"]
    act: Literal["static", "dynamic"]
    epsilon: float
    steps: dict[str, float]
    block_steps: tuple[dict[str, float], ...]
    rope_base: float = 10000.0
    widths: dict[str, int] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """Give what `parse_config` reads."""
        size = asdict(self.geometry)
        found: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "family": self.geometry.family,
            "geometry": {name: size[name] for name in SIZES[self.geometry.family]},
            "gate": self.gate,
            "head": self.head,
            "act": self.act,
            "epsilon": self.epsilon,
        }
        if self.geometry.family == "transformer":
            found["rope_base"] = self.rope_base
        found["steps"] = self.steps | {"blocks": list(self.block_steps)}
        return found | {name: part for name in ("widths", "training") if (part := getattr(self, name))}


def read_config(path: Path) -> LmConfig:
    """Read a configuration.

    Raises
    ------
    ModelError
        One line that names the file, the key and the rule.
    """
    return parse_config(read_json(path), path.name)


def parse_config(content: Any, file: str) -> LmConfig:
    """Check the content of a configuration file."""
    top = Table(content, file, "")
    if (found := top.text("format")) != FORMAT:
        top.fail("format", f"must be {FORMAT!r}, not {found!r}")
    name = top.text("name")
    family = cast(Literal["transformer", "mlgru"], top.text("family", "transformer", "mlgru"))
    sizes = top.table("geometry")
    numbers = {key: sizes.integer(key) for key in SIZES[family]}
    sizes.finish()
    try:
        geometry = LmGeometry(family=family, **numbers)
    except ModelError as error:
        raise ModelError(f"{file}: geometry.{error}") from None
    steps = top.table("steps")
    common = {key: (steps.power if key in POWERS else steps.positive)(key) for key in COMMON_STEPS[family]}
    for greater, smaller in (("embed", "residual"), ("middle", "state")):
        if smaller in common:
            part, power = math.frexp(common[greater] / common[smaller])
            if part != 0.5 or not 1 <= power <= 9:
                steps.fail(greater, f"must be {smaller} = {common[smaller]} times 1 to 256, not {common[greater]}")
    blocks = steps.layers("blocks", BLOCK_STEPS[family], geometry.layers)
    steps.finish()
    widths = top.some_integers("widths", WIDTHS)
    training = top.table("training").content if "training" in top.content else {}
    config = LmConfig(
        name=name,
        geometry=geometry,
        gate=cast(Literal["relu2", "silu"], top.text("gate", "relu2", "silu")),
        head=cast(Literal["tied", "untied", "int8"], top.text("head", "tied", "untied", "int8")),
        act=cast(Literal["static", "dynamic"], top.text("act", "static", "dynamic")),
        epsilon=top.positive("epsilon"),
        rope_base=top.positive("rope_base") if family == "transformer" else 10000.0,
        steps=common,
        block_steps=blocks,
        widths=widths,
        training=training,
    )
    top.finish()
    return config
