# SPDX-License-Identifier: BSD-2-Clause
"""Tables of split exponentials: their order, their ends, their error."""

import math
from itertools import pairwise

import pytest

from gatewright.hw.elementary.split_exp import falling, floating, rising

STEPS = [(1, 4), (1, 0), (3, 9), (65535, 24), (1, 12), (7, 2)]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("bits", "width"), [(4, 6), (7, 12), (8, 17), (12, 24)])
def test_falling_starts_at_one_and_never_rises(step, bits, width):
    table = falling(step, bits, width, width - 1)
    products = [table.product(index) for index in range(1 << bits)]
    assert products[0] == 1 << (2 * width)
    assert all(a >= b for a, b in pairwise(products))
    if step[0] / 2 ** step[1] > 2.0 ** (3 - width):  # steps that the factors resolve
        for index, product in enumerate(products):
            assert abs(product / 4.0**width - math.exp(-index * step[0] / 2 ** step[1])) < 2.5 * 2.0**-width


@pytest.mark.parametrize("step", STEPS)
def test_rising_ends_at_one_and_is_zero_above(step):
    table = rising(step, 8, 0xAF, 22, 17, 20)
    products = [table.product(index) for index in range(256)]
    assert products[0xAF] == 1 << 39
    assert all(a <= b for a, b in pairwise(products[:0xB0]))
    assert not any(products[0xB0:])
    if step == (1, 4):
        for index, product in enumerate(products[:0xB0]):
            true = math.exp((index - 0xAF) / 16)
            assert abs(product / 2.0**39 - true) < 2.0**-22 + true * 2.0**-16


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("bits", "width"), [(4, 6), (8, 17), (11, 20)])
def test_floating_never_falls_and_keeps_its_precision(step, bits, width):
    table = floating(step, bits, width, width - 1)
    numbers = [table.product(index) for index in range(1 << bits)]
    assert numbers[0] == (1 << (2 * width), 0)
    for (m, n), (following, later) in pairwise(numbers):
        assert m << max(n - later, 0) <= following << max(later - n, 0)
    c = step[0] / 2 ** step[1]
    for index, (m, n) in enumerate(numbers):
        assert 1 <= m / 4.0**width < 4
        if c > 2.0 ** (3 - width):
            assert abs(math.log(m / 4.0**width) + n * math.log(2) - c * index) < 2.0 ** (2 - width)
