# SPDX-License-Identifier: BSD-2-Clause
"""A core for a model of any size, for its cycle model only, and the search for its geometry.

The RTL's core refuses what its rooms can't hold. Their formulas of time hold beyond that: here limits are wider, and
nothing that is made here is ever built.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

from gatewright.gen.estimate.models import Subject
from gatewright.hw.accel.lm_core import timing
from gatewright.hw.accel.lm_core.parts import CorePartsConfig
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.timing import lone
from gatewright.hw.core.config import integer
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.nonlinear.norm.config import NormConfig

OUTPUTS_MOST = 1 << 16  # rows that the engine's parameters admit
CONTEXT_MOST = 4096  # tokens that attention's softmax admits


class WideNorm(NormConfig):
    """A norm of rows of any length."""

    elements: int = integer(256, 2, 1 << 16, doc="Elements of a row.")


class WideAttention(KvAttentionConfig):
    """Attention of any number of heads and layers."""

    heads: int = integer(4, 1, 1024, doc="Heads of queries.")
    kv_heads: int = integer(1, 1, 1024, doc="Heads of keys and values; divides heads.")
    head_dim: int = integer(32, 1, 1024, doc="Elements of a head.")
    layers: int = integer(4, 1, 1024, doc="Layers.")


class WideCore(CorePartsConfig):
    """A core of any size."""

    norm_room: ClassVar[type[NormConfig]] = WideNorm
    attention_room: ClassVar[type[KvAttentionConfig]] = WideAttention

    vocab: int = integer(16, 2, 1 << 18, unit="tokens", doc="Tokens that the model knows.")
    features: int = integer(16, 4, 1 << 15, doc="Elements of a residual row.")
    layers: int = integer(2, 1, 1024, doc="Layers.")
    hidden: int = integer(24, 4, 1 << 16, doc="Elements between gate and down.")
    heads: int = integer(2, 1, 1024, doc="Query heads; family transformer.")
    kv_heads: int = integer(1, 1, 1024, doc="Heads of keys and values; divides heads.")

    @property
    def engine_rows(self) -> int:
        """Most rows of a matrix; a longer head goes through in pieces."""
        return min(super().engine_rows, OUTPUTS_MOST)



class Cycles(timing.Model):
    """The core's cycle model, with a short way to attention's time."""

    def steps(self, position: int, head: bool) -> dict[str, int]:
        """Give what each kind of step of a token costs; layers are alike, so one is followed."""
        config = self.config
        now = begin = self._embedded()
        found = {"embed": begin}
        for name, after in self._layer(begin, position):
            found[name], now = config.layers * (after - now), after
        end = begin + config.layers * (now - begin)
        return found | {"head": self._head(end) - end if head else 0, "next": timing.AROUND}

    def _attended(self, position: int, queries: int, keys: int, values: int) -> int:
        return queries + attended(self.config.attention, position, keys - queries, values - queries)


PASSES, SETTLED = 6, 96  # walks that are followed; tokens from which each more takes as long as the one before


class _Fewer:
    """Attention's parameters with fewer walks through the keys."""

    def __init__(self, config: KvAttentionConfig, passes: int) -> None:
        self.config, self.passes = config, passes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.config, name)


@cache
def attended(config: KvAttentionConfig, position: int, keys: int, values: int) -> int:
    """Give the cycles from the last query to the last result, keys and values so much later.

    `lone` follows every cycle. From the third walk on, two more walks take as long as the two before, and from some
    length of the rows on, each more token as long as the one before: what is long is found by going on with that.
    """

    @cache
    def followed(at: int, passes: int) -> int:
        return lone(_Fewer(config, passes), at, 0, keys, values)

    def passed(at: int) -> int:
        if config.passes <= PASSES:
            return followed(at, config.passes)
        many = PASSES - (config.passes - PASSES) % 2
        pairs = (config.passes - many) // 2
        return followed(at, many) + pairs * (followed(at, many) - followed(at, many - 2))

    settled = SETTLED + max(keys, values, 0)
    if position <= settled + 2:
        return passed(position)
    first, second, third = (passed(settled + more) for more in range(3))
    if third - second != second - first:  # not settled yet
        return passed(position)
    return first + (position - settled) * (second - first)


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What of a core is not the model's.

    Attributes
    ----------
    why : str
        Where it comes from.
    """

    inputs_per_cycle: int
    outputs_per_cycle: int
    method: str = "fold"
    group: int = 4
    packing: str = "base3_g5"
    parallel: int = 1
    read_tokens: int = 1
    logic_products: int = 0
    why: str = ""

    @property
    def macs(self) -> int:
        """Trits that meet activations in a cycle."""
        return self.inputs_per_cycle * self.outputs_per_cycle

    def values(self) -> dict[str, Any]:
        """Give the core's parameters."""
        names = ("outputs_per_cycle", "method", "group", "packing", "parallel", "read_tokens", "logic_products")
        return {name: getattr(self, name) for name in names} | {"groups": self.inputs_per_cycle // self.group}


def geometry_of(core: Any) -> Geometry:
    """Read a core's geometry back."""
    names = ("outputs_per_cycle", "method", "group", "packing", "parallel", "read_tokens", "logic_products")
    return Geometry(
        inputs_per_cycle=core.group * core.groups, why="the settings", **{name: getattr(core, name) for name in names}
    )


def wide_core(subject: Subject, geometry: Geometry) -> WideCore:
    """Make a core for a model; a context beyond what attention admits is cut.

    Raises
    ------
    ConfigError
        If the geometry does not suit the model.
    """
    values = subject.core_values() | geometry.values()
    values["context"] = max(2, min(values["context"], CONTEXT_MOST))
    return WideCore(**values)


def refusal(subject: Subject, geometry: Geometry) -> str | None:
    """Say why the RTL's core refuses a model; None if it takes it."""
    try:
        CorePartsConfig(**subject.core_values() | geometry.values())
    except ConfigError as error:
        return f"the core refuses it: {error}"
    return None


INPUTS = (16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512)
OUTPUTS = (2, 4, 8, 16)


def candidates(
    subject: Subject, inputs: int | None, outputs: int | None, apart: bool = False
) -> Iterator[Geometry]:
    """Give the geometries that suit a model, the smallest engine first; what is given is kept.

    Heads that share keys attend together; with ``apart`` there is also a geometry in which they take turns.
    """
    size = subject.geometry
    share = size.heads // size.kv_heads if size.family == "transformer" else 1
    together = max(each for each in range(1, min(share, 64) + 1) if share % each == 0)
    pairs = [(i, o) for i in ((inputs,) if inputs else INPUTS) for o in ((outputs,) if outputs else OUTPUTS)]
    for wide, many in sorted(pairs, key=lambda pair: (pair[0] * pair[1], pair[1])):
        group = next(group for group in (4, 2, 1) if wide % group == 0)
        for parallel in sorted({together, 1} if apart else {together}):
            found = Geometry(inputs_per_cycle=wide, outputs_per_cycle=many, group=group, parallel=parallel)
            try:
                wide_core(subject, found)
            except ConfigError:
                continue
            yield found


def with_products(geometry: Geometry, products: int, multipliers: int) -> Geometry:
    """Build those of attention's multipliers of logic for which no hard ones are left."""
    return replace(geometry, logic_products=min(products, max(0, products - multipliers)))
