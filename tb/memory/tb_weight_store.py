# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the weight store."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.memory.weight_store.config import WeightStoreConfig
from gatewright.hw.memory.weight_store.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, draw


def stimulus(config: WeightStoreConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Play runs of all lengths inside the store, some in several rows.

    Loads come whole first, then in part; all of one kind hold the same words, since stalls decide
    whether a play comes before or after a load.
    """
    count, times, first = np.ones((3, size), np.int64)
    for at in range(size):
        count[at] = rng.choice([1, min(2, config.depth), config.depth, int(rng.integers(1, config.depth + 1))])
        most = int(config.depth // count[at])
        times[at] = rng.choice([1, most, int(rng.integers(1, most + 1))])
        first[at] = rng.integers(0, config.depth - count[at] * times[at] + 1)
    inputs: Inputs = {"i_play": {"first": first, "count": count, "times": times}}
    if config.loaded:
        inputs["i_load"] = loads(config, rng, kind, int(rng.integers(0, 3)))
    return inputs


def loads(config: WeightStoreConfig, rng: np.random.Generator, kind: str, more: int) -> Beats:
    """Give one load of every word and ``more`` partial ones, with words that depend on ``kind`` only."""
    total = config.depth * config.columns
    words = draw(config.inputs[0].field("data"), np.random.default_rng([kind == "random", total]), total)
    lengths = [total, *rng.integers(1, total + 1, more).tolist()]
    last = np.zeros(sum(lengths), np.int64)
    last[np.cumsum(lengths) - 1] = 1
    return {"data": np.concatenate([words[:length] for length in lengths]), "last": last}


BENCH = StreamBench(
    config=WeightStoreConfig,
    golden=golden,
    grid=(
        {},
        {"depth": 1, "width": 1, "contents": [1], "output_register": False},
        {"depth": 11, "width": 24, "source": "loaded", "load_bits": 8},
        {
            "depth": 8,
            "width": 70,
            "source": "loaded",
            "load_bits": 35,
            "memory": "single_port",
            "output_register": False,
        },
    ),
    mutation=(
        {"depth": 5, "width": 4, "contents": [9, 6, 15, 1, 8]},
        {"depth": 5, "width": 6, "source": "loaded", "load_bits": 2},
        {"depth": 4, "width": 4, "source": "loaded", "load_bits": 2, "memory": "single_port"},
    ),
    stimulus=stimulus,
    size=60,
    mutation_size=40,
    test_module="gatewright.tb.memory.weight_store_tests",
)
