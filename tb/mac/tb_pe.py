# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the processing element."""

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.mac.pe.config import PeConfig
from gatewright.hw.mac.pe.golden import golden
from gatewright.tb.harness.bench import StreamBench, default_stimulus


def stimulus(config: PeConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw operands and keep packets within ``k_max``; corner data starts with sums at both ends of their range."""
    inputs = default_stimulus(config, rng, kind, size)
    beats = inputs["i"]
    longest = min(config.k_max, size)
    pairs = [(x, y) for x in (config.act.low, config.act.high) for y in (config.weight.low, config.weight.high)]
    reach = min(len(pairs) * longest, size) if kind == "corners" else 0
    for at in range(reach):
        beats["a"][at], beats["b"][at] = pairs[at // longest]
        beats["last"][at] = (at + 1) % longest == 0
    run = 0
    for at in range(reach, size):
        run += 1
        beats["last"][at] |= run == config.k_max
        run *= 1 - int(beats["last"][at])
    beats["last"][-1] = 1
    return inputs


BENCH = StreamBench(
    config=PeConfig,
    golden=golden,
    grid=(
        {"k_max": 30, "acc_bits": 20, "multiplier": "booth", "input_register": True, "output": "adder"},
        {"act_bits": 2, "weight_bits": 16, "weight_signed": False, "k_max": 40, "acc_bits": 24, "multiplier": "booth"},
        {"act_bits": 16, "act_signed": False, "weight_bits": 3, "k_max": 5, "acc_bits": 22,
            "input_register": True, "product_register": False},
        {"act_bits": 5, "act_signed": False, "weight_bits": 4, "weight_signed": False, "k_max": 3, "acc_bits": 12,
         "multiplier": "booth", "output": "accumulator"},
    ),
    mutation={"act_bits": 3, "weight_bits": 4, "acc_bits": 10, "k_max": 8, "multiplier": "booth",
              "input_register": True},
    stimulus=stimulus,
    equivalent={
        "const0 _02_[0] at A[0] in `wire _02_;`": "ready then waits for the consumer's: fewer beats wait "
        "inside, which no promise counts; values, order and unstalled timing stay",
    },
)
