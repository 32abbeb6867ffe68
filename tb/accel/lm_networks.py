# SPDX-License-Identifier: BSD-2-Clause
"""Constants of language models that no bit of a row leaves as they are, or few."""

from typing import Any

import numpy as np

from gatewright.hw.accel.lm_core.constants import EMBED_DIGITS, ROW_DIGITS, Scales, pack_trits
from gatewright.hw.accel.lm_core.parts import CorePartsConfig
from gatewright.hw.accel.lm_core.program import HALVED, Part, matrices, shape_of
from gatewright.hw.accel.vit_core.constants import pack_rows

# What a typical sum is multiplied by: values and gates reach their limits and do not lie there all the time.
FACTORS = {Part.VALUE: 0.9, Part.GATE: 0.15, Part.STATE: 0.2, Part.READ: 0.2}
PEAK_LOG2 = 17  # of the scale of a row that is quantised by its own largest magnitude, typically


def network(seed: int = 1, **values: Any) -> dict[str, Any]:
    """Add constants to parameters: what a layer adds counts beside what it is added to, and some rows saturate."""
    plain = {name: value for name, value in values.items() if name in CorePartsConfig.model_fields}
    parts, rng = CorePartsConfig(**plain), np.random.default_rng(seed)
    layers, wide = parts.layers, parts.features

    def gains(count: int, width: int) -> tuple[str, ...]:
        most = (1 << (parts.gain_bits - 1)) - 1
        return pack_rows(
            (rng.choice([-1, 1], (count, width)) * most * 2.0 ** rng.uniform(-3, 0, (count, width))).astype(np.int64),
            ROW_DIGITS,
        )

    largest = rng.choice([1, 1, 2, 8, 128], (parts.vocab, 1))
    embed = np.clip(rng.integers(-largest, largest + 1, (parts.vocab, wide)), -128, 127)
    ends = (largest == 128) & (rng.random(embed.shape) < 0.5)  # a residual that starts there saturates soon
    embed = np.where(ends, rng.choice([-128, 127], embed.shape), embed)
    found: dict[str, Any] = {
        "embed": pack_rows(embed, EMBED_DIGITS), "gains": gains(2 * layers + 1, wide),
        "mixer_gains": gains(layers, parts.mixed), "ffn_gains": gains(layers, parts.hidden),
        "weights": tuple(
            pack_trits(rng.integers(-1, 1, shape_of(parts, kind), endpoint=True)) for kind, _ in matrices(parts)
        ),
        "scales": tuple(_scales(parts, section.part, rng) for _ in range(layers) for section in parts.sections),
    }  # fmt: skip
    if parts.family == "mlgru":
        found["state_gains"] = gains(layers, wide)
        found["bounds"] = pack_rows(rng.integers(0, 4096, (layers, wide)), ROW_DIGITS)
    else:
        found["attention_scales"] = tuple(
            (int(rng.integers(3000, 9000)), int(rng.integers(2)), int(rng.integers(20000, 60000)), 8)
            for _ in range(layers)
        )
    return values | found


def _scales(parts: CorePartsConfig, part: Part, rng: np.random.Generator) -> Scales:
    """Draw multipliers of both halves of a beat, alike unless the halves go different ways."""
    factor = FACTORS.get(part, 0.7)
    halves = []
    for _ in range(2):
        multiplier, code = int(rng.uniform(0.6, 1.4) * factor * 2**16), 0
        if parts.act == "dynamic":  # a row's scale is a factor as well
            code = PEAK_LOG2
        while multiplier < 1 << 15:
            multiplier, code = 2 * multiplier, code + 1
        halves.append((min(multiplier, 65535), code))
    lower, upper = halves if part in HALVED else (halves[0], halves[0])
    return (*lower, *upper)
