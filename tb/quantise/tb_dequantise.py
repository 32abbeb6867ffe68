# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the dequantiser: scales of single bits, accumulators aimed at ties and saturation limits."""

import numpy as np

from gatewright.hw.quantise.dequantise.config import DequantiseConfig
from gatewright.hw.quantise.dequantise.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench, random_last
from gatewright.tb.quantise.tb_requantise import Scale, draw_acc


def stimulus(config: DequantiseConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw both scales, then accumulators that are interesting for their product."""
    port = config.inputs[0]
    count = config.lanes if config.scope == "channel" else 1
    beats = {field.name: np.zeros((size, *field.shape), np.int64) for field in port.fields}
    for beat in range(size):
        row = _factor(rng, config.scale_bits)
        factors = [_factor(rng, config.multiplier_bits) for _ in range(count)]
        codes = [int(rng.integers(1 << config.shift_bits)) for _ in range(count)]
        scales = [
            Scale(row * factor, code, config.shift_min + code) for factor, code in zip(factors, codes, strict=True)
        ]
        beats["acc"][beat] = [draw_acc(config.rescale, rng, kind, scales[lane % count]) for lane in range(config.lanes)]
        beats["scale"][beat] = row
        beats["multiplier"][beat] = np.reshape(factors, port.field("multiplier").shape)
        if config.shift_bits:
            beats["shift"][beat] = np.reshape(codes, port.field("shift").shape)
    beats["last"] = random_last(rng, size)
    return {"i": beats}


def _factor(rng: np.random.Generator, bits: int) -> int:
    """Draw a single bit, with which the accumulator reaches every bit of the product, an extreme, or anything."""
    if rng.random() < 0.6:
        return 1 << int(rng.integers(bits))
    most = (1 << bits) - 1
    return int(rng.choice([0, most, int(rng.integers(most + 1)), int(rng.integers(most + 1))]))


BENCH = StreamBench(
    config=DequantiseConfig,
    golden=golden,
    grid=(
        {"lanes": 2},
        {"lanes": 3, "scope": "channel", "rounding": "half_up", "acc_bits": 24, "multiplier_bits": 8, "out_bits": 8},
        {"lanes": 1, "acc_bits": 40, "scale_bits": 40, "multiplier_bits": 32, "shift_bits": 6, "out_bits": 32},
        {"lanes": 2, "acc_bits": 4, "scale_bits": 1, "multiplier_bits": 1, "shift_min": 0, "out_bits": 4},
    ),
    mutation={
        "lanes": 1, "acc_bits": 6, "scale_bits": 2, "multiplier_bits": 3, "shift_bits": 1, "shift_min": 3,
        "out_bits": 4,
    },
    stimulus=stimulus,
    mutation_size=400,
)  # fmt: skip
