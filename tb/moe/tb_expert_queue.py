# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the expert queues: all tokens to one expert, none to most, single tokens, any number of experts a token."""

from collections.abc import Iterator

import numpy as np

from gatewright.hw.moe.expert_queue.config import ExpertQueueConfig
from gatewright.hw.moe.expert_queue.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, draw


def stimulus(config: ExpertQueueConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw sequences until ``size`` beats are full; the last one is cut to fit."""
    port = config.inputs[0]
    beats = {field.name: np.zeros(size, np.int64) for field in port.fields}
    beats["weight"] = draw(port.field("weight"), rng, size)
    beat = 0
    while beat < size:
        for experts, final in _sequence(config, rng, kind):
            chosen = experts[: size - beat]
            tokens = slice(beat, beat + len(chosen))
            beats["expert"][tokens], beats["final"][tokens] = chosen, final
            beat += len(chosen)
            beats["last"][beat - 1] = 1
            if beat == size:
                beats["final"][tokens] = 1
                break
    return {"i": beats}


def _sequence(config: ExpertQueueConfig, rng: np.random.Generator, kind: str) -> Iterator[tuple[np.ndarray, int]]:
    """Give the experts of every token, and whether the token is the sequence's last."""
    most = config.tokens_max
    tokens = int(rng.choice([most, 1, int(rng.integers(1, most + 1))]))
    favourites = rng.permutation(config.experts)
    if rng.random() < (0.6 if kind == "corners" else 0.4):  # none to most of them
        favourites = favourites[: int(rng.integers(1, 3))]
    least, greatest = sorted(rng.choice([1, len(favourites), int(rng.integers(1, len(favourites) + 1))], 2))
    for token in range(tokens):
        count = int(rng.integers(least, greatest + 1))
        yield rng.permutation(favourites)[:count], int(token == tokens - 1)


BENCH = StreamBench(
    config=ExpertQueueConfig,
    golden=golden,
    grid=(
        {"tokens_max": 24},
        {"experts": 6, "tokens_max": 9, "weight_bits": 3, "turns": 1},
        {"experts": 1, "tokens_max": 1, "weight_bits": 1},
        {"experts": 1, "tokens_max": 13, "weight_bits": 16},
        {"experts": 64, "tokens_max": 1, "turns": 1},
        {"experts": 4, "tokens_max": 129},
    ),
    mutation=({"experts": 5, "tokens_max": 6, "weight_bits": 2}, {"experts": 4, "tokens_max": 4, "turns": 1}),
    stimulus=stimulus,
    size=240,
    mutation_size=80,
)
