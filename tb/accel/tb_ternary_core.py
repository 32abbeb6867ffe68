# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the ternary core: inputs and weights at random and at the corners, broken packets among them."""

from typing import Any

import numpy as np

from gatewright.hw.accel.ternary_core.config import TernaryCoreConfig, rows_of
from gatewright.hw.accel.ternary_core.golden import golden
from gatewright.hw.core.numerics import Ints
from gatewright.tb.harness.bench import Inputs, StreamBench


def constant(inputs: int, outputs: int, seed: int = 1, **rest: Any) -> dict[str, Any]:
    """Give parameters with random weights; one row is all -1, which reaches the largest sum."""
    matrix = np.random.default_rng(seed).integers(-1, 1, (outputs, inputs), endpoint=True)
    matrix[outputs // 2] = -1
    return {"in_features": inputs, "out_features": outputs, "weights": rows_of(matrix), **rest}


def loaded(inputs: int, outputs: int, store: str, **rest: Any) -> dict[str, Any]:
    """Give parameters of a core whose weights are loaded."""
    return {"in_features": inputs, "out_features": outputs, "weights": (), "store": store, **rest}


def octets(rng: np.random.Generator, kind: str, length: int) -> Ints:
    """Draw the octets of a packet."""
    if kind == "corners":
        return rng.choice(rng.choice([-128, -127, -1, 0, 1, 127], 2), length)
    return rng.integers(-128, 127, length, endpoint=True)


def stimulus(config: TernaryCoreConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw packets: mostly inputs, about one in five broken off or not good.

    Weights come first, and once more later, with inputs in between that find them incomplete.
    """
    runs = max(1, size // (2 * config.in_features))
    marks = [1] * config.loads + [0] * runs
    if config.loaded and runs > 1:
        again = [1] * config.loads
        marks += [mark for load in again for mark in (load, 0)] + [0] * runs
    beats: dict[str, list[Ints]] = {"data": [], "last": [], "good": [], "load": []}
    for mark in marks:
        while runs > 1 and rng.random() < 0.2:
            _packet(beats, octets(rng, kind, int(rng.integers(1, config.in_features + 1))), 0, int(rng.integers(2)))
        _packet(beats, octets(rng, kind, config.in_features), 1, mark)
    found = {name: np.concatenate(parts).astype(np.int64) for name, parts in beats.items()}
    if not config.loaded:
        del found["load"]
    return {"i": found}


def _packet(beats: dict[str, list[Ints]], data: Ints, good: int, load: int) -> None:
    last = (np.arange(len(data)) == len(data) - 1).astype(np.int64)
    for name, part in {"data": data, "last": last, "good": last * good, "load": np.full(len(data), load)}.items():
        beats[name].append(part)


BENCH = StreamBench(
    config=TernaryCoreConfig,
    golden=golden,
    grid=(
        constant(14, 9, outputs_per_cycle=4),  # a block of 6 is partly padding, as is a word of 4 outputs
        constant(24, 7, method="fold", group=5, groups=2, outputs_per_cycle=2, packing="escape_g5", lanes=2),
        constant(16, 5, seed=3, method="select", group=2, groups=4, outputs_per_cycle=5, lanes=8),
        loaded(12, 6, "block", overlap=True, outputs_per_cycle=2),
        loaded(20, 7, "spram", method="fold", group=5, groups=2, outputs_per_cycle=2, packing="base3_g5", lanes=2),
    ),
    # Sweeps of three words, which blocks overtake and odd counts see; words that end before the address wraps;
    # a last load of one beat.
    mutation=(
        constant(6, 5, method="fold", group=2, groups=1, outputs_per_cycle=2, lanes=2),
        loaded(6, 4, "spram", method="fold", group=2, groups=2, outputs_per_cycle=4, lanes=2),
    ),
    stimulus=stimulus,
    size=150,
)
