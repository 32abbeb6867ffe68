# SPDX-License-Identifier: BSD-2-Clause
"""Predict what a ternary engine costs on a family: structure counted exactly, weights fitted to measured designs.

A prediction is a weighted sum of what `structure` counts. The weights come from least squares over
relative errors of the designs that ``gatewright bench ternary --fit`` synthesised; none is negative.
What those designs don't tell apart keeps to what the structure says: a bit takes a site, or a register.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from gatewright.gen.flow.cells import Fabric
from gatewright.gen.ternary.structure import block_rams, logic, macs, registers
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.tlmm.config import TlmmConfig

TABLE = "costs.json"
_EXTRA = ("chains", "control", "kept", "steps")  # kinds that need not cost a site each
_HOLD = 0.03  # how hard the fit holds to the structure
Weights = Mapping[str, float]


@dataclass(frozen=True)
class Point:
    """A measured design.

    Attributes
    ----------
    luts : int
        LUT sites in all, as ``bench ternary`` counts them.
    """

    family: Fabric
    config: TlmmConfig
    luts: int
    ff: int
    block_rams: int


@dataclass(frozen=True)
class Estimate:
    """What a design is expected to take.

    Attributes
    ----------
    macs : int
        Weights that meet activations in a cycle.
    """

    luts: float
    ff: float
    block_rams: int
    macs: int

    @property
    def luts_per_mac(self) -> float:
        """LUT sites per weight and cycle."""
        return self.luts / self.macs


@dataclass(frozen=True)
class Model:
    """Weights of one family.

    Attributes
    ----------
    worst : float
        Greatest relative error of ``luts`` over the designs that it was fitted to.
    """

    luts: Weights
    ff: Weights
    worst: float

    def estimate(self, config: TlmmConfig, family: Fabric) -> Estimate:
        """Predict the cost of a design."""
        return Estimate(
            _weigh(self.luts, logic(config, family)), _weigh(self.ff, registers(config, family)),
            block_rams(config, family), macs(config),
        )  # fmt: skip


def _weigh(weights: Weights, counts: Mapping[str, float]) -> float:
    return sum(weights.get(kind, 0.0) * count for kind, count in counts.items())


def fit(points: Sequence[Point]) -> Model:
    """Fit a family's weights to its measured designs."""
    family = points[0].family
    luts = _fit([logic(p.config, family) for p in points], [p.luts for p in points])
    ff = _fit([registers(p.config, family) for p in points], [p.ff for p in points])
    model = Model(luts, ff, 0.0)
    errors = [abs(model.estimate(p.config, family).luts / p.luts - 1) for p in points]
    return Model(luts, ff, round(max(errors), 4))


def _fit(counts: Sequence[Mapping[str, float]], found: Sequence[int]) -> dict[str, float]:
    """Solve for weights that are not negative; memories cost what they take."""
    true = np.array(found, dtype=float)
    fixed = np.array([count.get("ram", 0.0) for count in counts])
    kinds = [kind for kind in counts[0] if kind != "ram" and any(count[kind] for count in counts)]
    while True:
        # Rows are divided by the truth, so that errors count in per cent.
        matrix = np.array([[count[kind] for kind in kinds] for count in counts]) / true[:, np.newaxis]
        expected = np.array([float(kind not in _EXTRA) for kind in kinds])
        hold = _HOLD * np.diag(np.abs(matrix).max(axis=0))
        target = np.concatenate([1 - fixed / true, hold @ expected])
        weights, *_ = np.linalg.lstsq(np.concatenate([matrix, hold]), target, rcond=None)
        if weights.min() >= 0:
            break
        kinds.pop(int(weights.argmin()))
    solved = {kind: round(float(weight), 4) for kind, weight in zip(kinds, weights, strict=True)}
    unseen = {kind: 1.0 for kind in counts[0] if kind not in _EXTRA and not any(count[kind] for count in counts)}
    return {"ram": 1.0} | unseen | solved


@cache
def measured() -> tuple[Point, ...]:
    """Read the measured designs that the package carries."""
    return tuple(
        Point(row["family"], TlmmConfig(**row["parameters"]), row["luts"], row["ff"], row["block_rams"])
        for row in _read()["points"]
    )


@cache
def model(family: Fabric) -> Model:
    """Read the weights of a family.

    Raises
    ------
    ConfigError
        If no design of that family was measured.
    """
    known = _read()["families"]
    if family not in known:
        raise ConfigError(f"family must be one of {', '.join(known)}, not {family!r}")
    return Model(**known[family])


def _read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files("gatewright.gen.ternary").joinpath(TABLE).read_text())
    return found


def estimate(config: TlmmConfig, family: Fabric) -> Estimate:
    """Predict the cost of a design on a family."""
    return model(family).estimate(config, family)


def table(points: Sequence[Point], provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Give what `TABLE` holds: weights of every family, and the designs that they come from."""
    families = list(dict.fromkeys(point.family for point in points))
    models = {family: fit([p for p in points if p.family == family]) for family in families}
    return {
        **provenance,
        "families": {family: vars(found) for family, found in models.items()},
        "points": [
            {
                "family": p.family, "parameters": p.config.model_dump(exclude_unset=True), "luts": p.luts, "ff": p.ff,
                "block_rams": p.block_rams,
            }
            for p in points
        ],
    }  # fmt: skip
