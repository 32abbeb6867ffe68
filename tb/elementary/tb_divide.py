# SPDX-License-Identifier: BSD-2-Clause
"""Bench of the serial divider: quotients at both ends of the range, remainders at theirs, divisors of every size."""

import numpy as np

from gatewright.hw.elementary.divide.config import DivideConfig
from gatewright.hw.elementary.divide.golden import golden
from gatewright.tb.harness.bench import Inputs, StreamBench


def stimulus(config: DivideConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw divisor, quotient and remainder, and make the numerator of them."""
    divisions = [_division(config, rng, kind == "corners") for _ in range(size)]
    columns = zip(*divisions, strict=True)
    widths = (config.numerator_bits, config.divisor_bits)
    numerator, divisor = (
        np.array(column, dtype=np.int64 if bits < 64 else object)
        for column, bits in zip(columns, widths, strict=True)
    )
    return {"i": {"numerator": numerator, "divisor": divisor}}


def _division(config: DivideConfig, rng: np.random.Generator, corners: bool) -> tuple[int, int]:
    divisor = _word(rng, config.divisor_bits) >> int(rng.integers(config.divisor_bits))
    if divisor == 0:
        return _word(rng, config.numerator_bits), 0
    most = min((divisor << config.quotient_bits) - 1, (1 << config.numerator_bits) - 1)
    if not corners:
        return _word(rng, config.numerator_bits) % (most + 1), divisor
    highest = most // divisor
    quotient = (0, 1, highest, highest - 1, _word(rng, config.quotient_bits))[rng.integers(5)]
    remainder = (0, divisor - 1, 1, divisor // 2)[rng.integers(4)] % divisor
    return max(0, min(quotient * divisor + remainder, most)), divisor


def _word(rng: np.random.Generator, bits: int) -> int:
    return int.from_bytes(rng.bytes(-(-bits // 8)), "little") >> (-bits % 8)


BENCH = StreamBench(
    config=DivideConfig,
    golden=golden,
    grid=(
        {},
        {"numerator_bits": 1, "divisor_bits": 1, "quotient_bits": 1},
        {"numerator_bits": 96, "divisor_bits": 48, "quotient_bits": 48, "bits_per_cycle": 4},
        {"numerator_bits": 9, "divisor_bits": 5, "quotient_bits": 6, "bits_per_cycle": 2},
    ),
    mutation={"numerator_bits": 7, "divisor_bits": 3, "quotient_bits": 4, "bits_per_cycle": 2},
    stimulus=stimulus,
    size=60,
    mutation_size=300,
)
