# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the requantiser: ties, single dropped bits and saturation limits computed from the config."""

from dataclasses import dataclass

import numpy as np

from gatewright.hw.core.ports import Beats
from gatewright.hw.quantise.requantise.config import RequantiseConfig
from gatewright.hw.quantise.requantise.golden import golden
from gatewright.tb.harness.bench import StreamBench, random_last


@dataclass(frozen=True)
class Scale:
    """Multiplier and shift of a beat or lane; ``distance`` is the total right shift in bits."""

    multiplier: int
    code: int
    distance: int


def stimulus(config: RequantiseConfig, rng: np.random.Generator, kind: str, size: int) -> dict[str, Beats]:
    """Draw scales, then accumulators that are interesting for them."""
    port = config.inputs[0]
    count = config.lanes if config.scope == "channel" else 1
    beats = {field.name: np.zeros((size, *field.shape), np.int64) for field in port.fields}
    for beat in range(size):
        scales = [_scale(config, rng, kind) for _ in range(count)]
        accs = [draw_acc(config, rng, kind, scales[lane % count]) for lane in range(config.lanes)]
        beats["acc"][beat] = accs
        beats["multiplier"][beat] = np.reshape([scale.multiplier for scale in scales], port.field("multiplier").shape)
        if config.shift_bits:
            beats["shift"][beat] = np.reshape([scale.code for scale in scales], port.field("shift").shape)
    beats["last"] = random_last(rng, size)
    return {"i": beats}


def _scale(config: RequantiseConfig, rng: np.random.Generator, kind: str) -> Scale:
    factor = config.inputs[0].field("multiplier")
    codes = 1 << config.shift_bits
    code = (0, codes - 1, int(rng.integers(codes)), int(rng.integers(codes)))[rng.integers(4)]
    distance = config.total_shift_min + config.shift_step * code
    # With a power of two an accumulator reaches every bit of the product.
    power = 1 << int(rng.integers(factor.high.bit_length()))
    corners = (factor.low, factor.high, 0, 1, factor.high - 1)
    other = rng.integers(factor.low, factor.high, endpoint=True) if kind == "random" else rng.choice(corners)
    return Scale(power if rng.random() < 0.6 else int(other), code, distance)


def draw_acc(config: RequantiseConfig, rng: np.random.Generator, kind: str, scale: Scale) -> int:
    """Draw an accumulator: extreme, uniform, of any magnitude, or aimed at a spot of the product."""
    acc = config.inputs[0].field("acc")
    recipe = int(rng.integers(16))
    if recipe == 0:
        return int(rng.choice([acc.low, acc.high, acc.low + 1, acc.high - 1, 0, 1, -1]))
    if recipe == 1 or scale.multiplier == 0 or (kind == "random" and recipe < 4):
        return int(rng.integers(acc.low, acc.high, endpoint=True))
    if recipe in {4, 5}:  # one bit differs from all others
        return (1 << int(rng.integers(acc.bits - 1))) ^ -int(rng.integers(2))
    if recipe == 6:
        return int(rng.integers(acc.low, acc.high, endpoint=True)) >> int(rng.integers(acc.bits))
    product = (_quotient(config, rng) << scale.distance) + _fraction(rng, scale.distance)
    return max(acc.low, min(product // scale.multiplier, acc.high))


def _quotient(config: RequantiseConfig, rng: np.random.Generator) -> int:
    """Draw a quotient at a limit, at zero, or anywhere between a little below and above the limits."""
    low, high = config.code_low - config.zero_point, config.code_high - config.zero_point
    edge = int(rng.choice([low, high, config.clamp_low - config.zero_point, 0])) + int(rng.integers(-2, 3))
    return edge if rng.random() < 0.3 else int(rng.integers(low - 2, high + 3))


def _fraction(rng: np.random.Generator, distance: int) -> int:
    """Draw what the shift drops: nothing, a half, almost a half, or these with one other bit flipped."""
    if distance == 0:
        return 0
    half = 1 << (distance - 1)
    reach = distance if rng.random() < 0.5 else min(distance, 4)
    bit = (half >> 1) >> int(rng.integers(reach))
    if rng.random() < 0.5:
        return half | bit
    spots = (0, half, half - 1, half + 1, 2 * half - 1, bit, (half - 1) ^ bit)
    return spots[rng.integers(len(spots))]


TFLITE = {"contract": "gemmlowp", "multiplier_bits": 31, "shift_bits": 5, "shift_min": 0}

BENCH = StreamBench(
    config=RequantiseConfig,
    golden=golden,
    grid=(
        {},
        TFLITE,
        {"contract": "half_up", "lanes": 4, "scope": "channel", "multiplier_signed": True, "zero_point": -128,
         "input_register": False},
        {"lanes": 4, "acc_bits": 48, "multiplier_bits": 32, "shift_bits": 6, "shift_min": 0, "out_bits": 16},
        {"out_signed": False, "zero_point": 37, "relu": True, "multiplier_bits": 17, "shift_bits": 2, "shift_step": 4},
        {"acc_bits": 8, "multiplier_bits": 8, "shift_bits": 0, "shift_min": 5, "out_bits": 2},
        {"engine": "serial", "lanes": 2, "scope": "channel"},
        TFLITE | {"engine": "serial", "zero_point": 5},
    ),
    mutation={
        "acc_bits": 12, "multiplier_bits": 6, "shift_bits": 3, "shift_min": 3, "out_bits": 4, "limb_bits": 8,
        "zero_point": -2,
    },
    stimulus=stimulus,
    size=400,
    mutation_size=400,  # the topmost bits of a product are reached by few accumulators
)  # fmt: skip
