# SPDX-License-Identifier: BSD-2-Clause
"""What rooms cost on a family: sums over a few counts, fitted to synthesised sizes of each room."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from gatewright.gen.flow.cells import Fabric

TABLE = "gen/estimate/costs.json"
Counts = Mapping[str, float]
RESOURCES = ("luts", "ff", "dsp", "block_rams")


@dataclass(frozen=True)
class Cost:
    """What a part takes.

    Attributes
    ----------
    source : str
        The table that the numbers come from; empty if nothing was measured.
    """

    luts: float = 0.0
    ff: float = 0.0
    dsp: float = 0.0
    source: str = ""


@cache
def table() -> dict[str, Any]:
    """Read the measured rows."""
    found: dict[str, Any] = json.loads(files("gatewright.gen.estimate").joinpath("costs.json").read_text())
    return found


def variant(room: str, parameters: Mapping[str, Any]) -> str:
    """Name what of a room has a cost of its own."""
    extra = {"norm": parameters.get("output", "static"), "gated": parameters.get("function"),
             "trit_decode": parameters.get("packing")}.get(room)  # fmt: skip
    return f"{room}, {extra}" if extra else room


def counts(room: str, parameters: Mapping[str, Any]) -> Counts:
    """Count what a room's cost grows with."""
    if room == "kv_attention":
        scores = parameters["parallel"] * parameters.get("tokens", 1)  # of a cycle
        products, logic = scores * parameters["head_dim"], parameters.get("logic_products", 0)
        return {"one": 1, "parallel": scores, "hard": products - logic, "logic": logic,
                "lanes": parameters["lanes"]}  # fmt: skip
    if room == "trit_decode":
        return {"codes": parameters["groups"]}
    return {"one": 1, "lanes": parameters.get("lanes", 0)}


def cost(room: str, parameters: Mapping[str, Any], family: Fabric) -> Cost:
    """Predict what a room takes; on a family without rows, what it takes on ECP5, which the source says."""
    name = variant(room, parameters)
    for known in dict.fromkeys((family, "ecp5")):
        fitted = _fit(name, known)
        if fitted:
            here = counts(room, parameters)
            luts, ff, dsp = (sum(weights.get(kind, 0.0) * here[kind] for kind in here) for weights in fitted)
            return Cost(luts, ff, dsp, TABLE + ("" if known == family else f": {known}'s rows"))
    return Cost()


@cache
def _fit(name: str, family: str) -> tuple[Counts, ...]:
    """Solve for weights that are not negative: LUTs, flip-flops, multipliers."""
    rows = [row for row in table()["rows"]
            if row["family"] == family and variant(row["room"], row["parameters"]) == name]  # fmt: skip
    if not rows:
        return ()
    measured = [counts(row["room"], row["parameters"]) for row in rows]
    kinds = [kind for kind in measured[0] if any(each[kind] for each in measured)]
    if len(rows) < len(kinds):  # one size only: all of it grows
        kinds.remove("one")
    return tuple(_solve(measured, kinds, [row[resource] for row in rows]) for resource in RESOURCES[:3])


def _solve(measured: list[Counts], kinds: list[str], found: list[float]) -> Counts:
    kinds = list(kinds)
    while kinds:
        matrix = np.array([[each[kind] for kind in kinds] for each in measured], float)
        weights, *_ = np.linalg.lstsq(matrix, np.array(found, float), rcond=None)
        if weights.min() > -1e-6:
            return dict(zip(kinds, weights.tolist(), strict=True))
        kinds.pop(int(weights.argmin()))
    return {}


def link(family: Fabric) -> Cost:
    """Give what the serial line's rooms take."""
    for known in dict.fromkeys((family, "ecp5")):
        rows = [row for row in table()["link"] if row["family"] == known]
        if rows:
            luts, ff, dsp = (float(sum(row[key] for row in rows)) for key in RESOURCES[:3])
            return Cost(luts, ff, dsp, "scripts/results/rooms.json" + ("" if known == family else f": {known}'s rows"))
    return Cost()
