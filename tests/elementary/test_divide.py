# SPDX-License-Identifier: BSD-2-Clause
"""The divider's golden model against fractions; what it refuses."""

import math
from fractions import Fraction

import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.elementary.divide.config import DivideConfig
from gatewright.hw.elementary.divide.golden import divide


def test_every_small_division_is_floored():
    config = DivideConfig(numerator_bits=7, divisor_bits=3, quotient_bits=4)
    for divisor in range(1, 8):
        for numerator in range(min(128, divisor << 4)):
            exact = Fraction(numerator, divisor)
            assert divide(config, numerator, divisor) == (math.floor(exact), exact.denominator == 1)


def test_zero_divisor_gives_the_largest_quotient():
    config = DivideConfig(numerator_bits=7, divisor_bits=3, quotient_bits=4)
    assert divide(config, 5, 0) == (15, False)
    assert divide(config, 0, 0) == (15, True)


def test_quotient_that_does_not_fit_is_no_answer():
    with pytest.raises(ValueError, match="more than 4 quotient bits"):
        divide(DivideConfig(numerator_bits=7, divisor_bits=3, quotient_bits=4), 127, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"numerator_bits": 30}, "numerator_bits must be at most divisor_bits [+] quotient_bits = 24, not 30"),
        ({"quotient_bits": 13, "bits_per_cycle": 2}, "quotient_bits must be a multiple of bits_per_cycle = 2, not 13"),
        ({"bits_per_cycle": 5}, "bits_per_cycle must lie in 1..4, not 5"),
    ],
)
def test_refusals_name_field_rule_and_value(values, message):
    with pytest.raises(ConfigError, match=message):
        DivideConfig(**values)
