# SPDX-License-Identifier: BSD-2-Clause
"""Constants of the core as parameters: strings of hexadecimal digits, and what stands in for those not given."""

from collections.abc import Callable, Mapping
from math import gcd
from typing import Any

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.moe.moe_gate.weights import rows_of

ROW_BITS = 16  # of an element of the residual rows
POSITION_DIGITS, NORM_DIGITS = 4, 6


def unpack_rows(rows: tuple[str, ...], digits: int) -> Ints:
    """Read strings of two's complement numbers of so many hexadecimal digits each."""
    half, whole = 1 << (4 * digits - 1), 1 << (4 * digits)
    flat = [[int(row[at : at + digits], 16) for at in range(0, len(row), digits)] for row in rows]
    values = np.array(flat, np.int64).reshape(len(rows), -1)
    return np.where(values >= half, values - whole, values)


def pack_rows(values: Ints, digits: int) -> tuple[str, ...]:
    """Write numbers (rows, count) as such strings."""
    mask = (1 << (4 * digits)) - 1
    return tuple("".join(f"{value & mask:0{digits}x}" for value in row) for row in np.asarray(values).tolist())


def follow(values: dict[str, Any], defaults: Mapping[str, Any]) -> None:
    """Fill in what nested rooms take from the core, and constants of a network that nobody trained."""

    def given(name: str) -> Any:
        return values.get(name, defaults[name])

    names = ("patch", "height", "width", "features", "lanes", "layers", "tasks")
    if not all(isinstance(given(name), int) and given(name) > 0 for name in names):
        return  # the fields' own checks say why
    patch, height, width, features, lanes, layers, tasks = (given(name) for name in names)
    tokens, gates = 1 + height // patch * (width // patch), layers // 2 * tasks
    rooms: dict[str, dict[str, Any]] = {
        "attention": _attention(values.get("attention", {}), tokens, features, given("inputs_per_cycle")),
        "norm": {"kind": "layer", "lanes": lanes, "elements": features, "in_bits": ROW_BITS},
        "gate": {"features": features, "lanes": lanes, "gates": gates},
        "activation": {"lanes": lanes},
    }
    for name, fields in rooms.items():
        if isinstance(values.get(name, {}), dict):
            values[name] = {**fields, **values.get(name, {})}
    _stand_in(values, tokens, features, layers, gates)


def _attention(inner: Any, tokens: int, features: int, wide: Any) -> dict[str, Any]:
    """Give the attention's shape: two heads if nobody says, beats as wide as the array's where heads allow it."""
    heads = inner.get("heads", 2) if isinstance(inner, dict) else 2
    if not (isinstance(heads, int) and 0 < heads <= features and isinstance(wide, int)):
        return {"tokens": tokens}
    return {"tokens": tokens, "heads": heads, "head_dim": features // heads, "lanes": gcd(features // heads, wide, 16)}


def _stand_in(values: dict[str, Any], tokens: int, features: int, layers: int, gates: int) -> None:
    rng = np.random.default_rng(0)
    norms = 2 * layers + 1
    gate = values["gate"]
    if isinstance(gate, dict) and "weights" not in gate:
        gate |= {"multipliers": (1,) * gates, "shifts": (6 + features.bit_length() // 2,) * gates}
        gate["weights"] = rows_of(rng.integers(-128, 128, (gates, gate.setdefault("experts", 4), features)))
    norm = values["norm"]
    unit = 32 << (norm.get("weight_fraction", 2) if isinstance(norm, dict) else norm.weight_fraction)
    kind = norm.get("kind") if isinstance(norm, dict) else norm.kind
    stand_ins: dict[str, Callable[[], Any]] = {
        "positions": lambda: pack_rows(rng.integers(-2000, 2000, (tokens, features)), POSITION_DIGITS),
        "gains": lambda: pack_rows(rng.integers(unit // 2, unit - 1, (norms, features)), NORM_DIGITS),
        "biases": lambda: pack_rows(
            rng.integers(-unit, unit, (norms if kind == "layer" else 0, features)), NORM_DIGITS
        ),
        "attention_scales": lambda: ((1024, 0, 500, 0),) * layers,
    }
    for name, make in stand_ins.items():
        if not values.get(name):
            values[name] = make()
