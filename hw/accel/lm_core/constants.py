# SPDX-License-Identifier: BSD-2-Clause
"""Constants of the core: how parameters hold them, what stands in for those not given, words of memories."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.accel.lm_core.program import HALVED, Part, kind_of, matrices, shape_of
from gatewright.hw.accel.ternary_core.config import TRITS, word_integers
from gatewright.hw.accel.vit_core.constants import pack_rows, unpack_rows
from gatewright.hw.core.numerics import Ints
from gatewright.hw.ternary.ternary_matvec.words import weight_beats

EMBED_DIGITS, ROW_DIGITS = 2, 4
PEAK_LOG2 = 16  # of the scale of a row that is quantised by its own largest magnitude, typically
Scales = tuple[int, int, int, int]  # lower half of a beat: multiplier, shift code; upper half: the same


def pack_trits(matrix: NDArray[np.integer]) -> str:
    """Write a matrix of -1, 0, 1 as an element of the parameter ``weights``."""
    return np.frombuffer(TRITS.encode(), np.uint8)[np.asarray(matrix, np.int64).ravel() + 1].tobytes().decode()


def unpack_trits(config: Any, number: int) -> Ints:
    """Read one back: (outputs, inputs)."""
    kind = list(matrices(config))[number][0]
    letters = np.frombuffer(config.weights[number].encode(), np.uint8)
    return ((letters == ord("+")).astype(np.int64) - (letters == ord("-"))).reshape(shape_of(config, kind))


def weight_words(config: Any) -> list[int]:
    """Give the words of the weight memory: matrices in order of use, each block of inputs a sweep of outputs."""
    words: list[int] = []
    code = config.matvec.inputs[1].field("code")
    for number in range(len(config.weights)):
        beats = weight_beats(config.matvec, unpack_trits(config, number))
        words += word_integers(beats["code"], code.bits)
    return words


def row_words(rows: tuple[str, ...], digits: int, bits: int, lanes: int) -> list[int]:
    """Give the words of a memory of rows, ``lanes`` elements of ``bits`` each."""
    values = unpack_rows(rows, digits).reshape(-1, lanes) & ((1 << bits) - 1)
    return [sum(value << (bits * place) for place, value in enumerate(word)) for word in values.tolist()]


def follow(values: dict[str, Any], room: Any) -> None:
    """Stand in for constants that are not given, if the fields that they follow from make a model."""
    from gatewright.hw.accel.lm_core.parts import CorePartsConfig

    plain = {name: value for name, value in values.items() if name in CorePartsConfig.model_fields}
    missing = [name for name in room.model_fields if name not in CorePartsConfig.model_fields and not values.get(name)]
    if "weights" not in missing and "embed" not in missing:
        return
    made = stand_in(CorePartsConfig(**plain))
    values |= {name: made[name] for name in missing if name in made}


def stand_in(parts: Any, seed: int = 0) -> dict[str, Any]:
    """Draw a network that nobody trained, with results neither all zero nor all saturated."""
    rng = np.random.default_rng(seed)
    transformer = parts.family == "transformer"
    low, high = 1 << parts.gain_fraction + 3, 1 << parts.gain_fraction + 5
    high = min(high, (1 << (parts.gain_bits - 1)) - 1)

    def gains(count: int, width: int) -> tuple[str, ...]:
        return pack_rows(rng.integers(min(low, high - 1), high, (count, width)), ROW_DIGITS)

    layers, wide = parts.layers, parts.features
    made: dict[str, Any] = {
        "embed": pack_rows(rng.integers(-128, 128, (parts.vocab, wide)), EMBED_DIGITS),
        "gains": gains(2 * layers + 1, wide), "mixer_gains": gains(layers, parts.mixed),
        "ffn_gains": gains(layers, parts.hidden),
        "state_gains": () if transformer else gains(layers, wide),
        "bounds": () if transformer else pack_rows(rng.integers(0, 4096, (layers, wide)), ROW_DIGITS),
        "weights": tuple(
            pack_trits(rng.integers(-1, 1, shape_of(parts, kind), endpoint=True)) for kind, _ in matrices(parts)
        ),
        "scales": tuple(
            scale for _ in range(layers) for scale in (_scale(parts, section.part, rng) for section in parts.sections)
        ),
        "attention_scales": tuple(
            (int(rng.integers(500, 3000)), 0, int(rng.integers(20000, 60000)), 4) for _ in range(layers)
        ) if transformer else (),
    }  # fmt: skip
    return made


def _scale(parts: Any, part: Part, rng: np.random.Generator) -> Scales:
    """Draw multipliers that bring typical sums to a tenth of the range of what takes them."""
    size = 40 * 0.8 * np.sqrt(shape_of(parts, kind_of(part))[1])
    wanted = 40 if part in (Part.VALUE, *HALVED, Part.READ) else 1500
    factor, code = wanted / size * 2.0**16, 0
    if parts.act == "dynamic":  # a row's scale is a factor as well
        factor /= 2.0**PEAK_LOG2
    while factor < 8000 and code < (1 << parts.shift_bits) - 1:
        factor, code = 2 * factor, code + 1
    lower, upper = (int(np.clip(rng.uniform(0.5, 1.5) * factor, 1, 65535)) for _ in range(2))
    return (lower, code, upper, code) if part in HALVED else (lower, code, lower, code)
