# SPDX-License-Identifier: BSD-2-Clause
"""The shared multiplier, and what the configs of its users refuse."""

import numpy as np
import pytest
from amaranth import Const, Module, Shape, Signal
from amaranth.sim import Simulator

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.mac.multiplier import add_with_carry, multiply, multiply_recoded, product_shape, recode
from gatewright.hw.mac.pe.config import PeConfig
from gatewright.hw.mac.systolic_os.config import SystolicOsConfig
from gatewright.hw.mac.systolic_ws.config import SystolicWsConfig


def operands(shape, rng):
    low = -(1 << (shape.width - 1)) if shape.signed else 0
    high = low + (1 << shape.width) - 1
    every = range(low, high + 1)
    if len(every) <= 16:
        return list(every)
    return [low, low + 1, -1 if shape.signed else 1, 0, 1, high - 1, high, *rng.integers(low, high, 5).tolist()]


@pytest.mark.parametrize("a_bits", [2, 3, 4, 7, 8, 16])
@pytest.mark.parametrize("b_bits", [2, 4, 9])
@pytest.mark.parametrize("recoded", [False, True])
def test_booth_rows_give_the_product_for_all_signs(a_bits, b_bits, recoded):
    rng = np.random.default_rng(a_bits * 31 + b_bits)
    for signs in [(False, False), (False, True), (True, False), (True, True)]:
        m = Module()
        a, b = Signal(Shape(a_bits, signs[0])), Signal(Shape(b_bits, signs[1]))
        product = Signal(Shape(a_bits + b_bits, any(signs)))
        if recoded:
            partial, carry = multiply_recoded(m, recode(m, a), b, product_shape(a, b))
            m.d.comb += product.eq(add_with_carry(Const(0, 1), partial, carry))
        else:
            m.d.comb += product.eq(multiply(m, a, b, "booth"))
        pairs = [(x, y) for x in operands(a.shape(), rng) for y in operands(b.shape(), rng)]

        async def check(ctx, a=a, b=b, product=product, pairs=pairs):
            for x, y in pairs:
                ctx.set(a, x)
                ctx.set(b, y)
                assert ctx.get(product) == x * y

        simulator = Simulator(m)
        simulator.add_testbench(check)
        simulator.run()


@pytest.mark.parametrize("room", [PeConfig, SystolicOsConfig])
def test_an_accumulator_that_could_overflow_is_refused(room):
    assert room(k_max=4, acc_bits=18).sum_bits == 18  # 4 * (-128 * -128) = 2**16: a bit and a sign more
    with pytest.raises(ConfigError, match=r"acc_bits must be at least 18 .* not 17"):
        room(k_max=4, acc_bits=17)


def test_weight_stationary_sums_are_bounded_by_rows():
    with pytest.raises(ConfigError, match="acc_bits must be at least 19 to hold 8 products, not 18"):
        SystolicWsConfig(rows=8, acc_bits=18)


def test_an_element_without_any_register_is_refused():
    with pytest.raises(ConfigError, match="output must be register or accumulator"):
        PeConfig(product_register=False, output="adder")
