# SPDX-License-Identifier: BSD-2-Clause
"""The table and polynomial engine: fits against brute force, hardware against the golden evaluation."""

import itertools

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from gatewright.hw.core.pipe import Pipe
from gatewright.hw.elementary import kernel
from gatewright.hw.elementary.fit import bounds_of, constant, fit, polynomial, two_tables
from gatewright.hw.elementary.reference import evaluate

GRID = np.arange(256) / 256
SHAPES = {
    "exp2": (2.0**GRID * 256, False),
    "falling": (np.exp(-3 * GRID) * 1023, False),
    "signed": (np.sin(7 * GRID) * 500, True),
    "odd length": (np.sqrt(np.arange(200)) * 10, False),
}


def error_of(plan, targets):
    return np.nanmax(np.abs(evaluate(plan, np.arange(len(targets))) - targets))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("max_error", [0.5, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("degrees", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_a_fit_stays_within_its_error(name, max_error, degrees):
    targets, signed = SHAPES[name]
    try:
        plan = fit(targets, max_error=max_error, degrees=degrees, signed=signed)
    except ValueError:
        assert max_error <= 0.6
        assert degrees != (0,)
        return
    assert error_of(plan, targets) <= max_error
    assert plan.degree in degrees


def test_a_table_of_nearest_integers_is_always_found():
    targets = np.random.default_rng(1).normal(0, 1000, 300)
    plan = fit(targets, max_error=0.5, signed=True)
    np.testing.assert_array_equal(evaluate(plan, np.arange(300)), np.rint(targets))


def test_free_arguments_bind_nothing():
    targets = np.where(np.arange(64) < 16, np.nan, np.arange(64) * 3.0)
    plan = fit(targets, max_error=0.5, degrees=(1,), additive=False)
    assert error_of(plan, targets) <= 0.5


def test_an_error_out_of_reach_is_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^no integer of 9 bits lies within 0\.2 of 256\.\d*, wanted at \d+$"):
        fit(SHAPES["exp2"][0], max_error=0.2)
    with pytest.raises(ValueError, match=r"^no plan of degree 1 reaches error 0\.5$"):
        fit(np.array([0.0, 1.0]), max_error=0.5, degrees=(1,))


def test_one_segment_is_feasible_exactly_when_brute_force_finds_a_line():
    rng = np.random.default_rng(5)
    for _ in range(60):
        targets = np.cumsum(rng.uniform(0, 3, 8))
        best = min(
            max(abs(((c0 + c1 * d) >> 2) - target) for d, target in enumerate(targets))
            for c0, c1 in itertools.product(range(0, 4 * 26), range(0, 16))
        )
        plan = polynomial(bounds_of(targets, best, False, None), 1, 3)
        # With 2 fraction bits brute force reaches it; the fit has up to 4, so it must reach it too.
        assert plan is not None
        assert error_of(plan, targets) <= best


def every_plan():
    for name, (targets, signed) in SHAPES.items():
        bounds = bounds_of(targets, 1.0, signed, None)
        plans = [constant(bounds), polynomial(bounds, 1, 4), polynomial(bounds, 2, 6), two_tables(bounds, 2, 4)]
        yield from ((f"{name} {number}", plan) for number, plan in enumerate(plans) if plan is not None)


@pytest.mark.parametrize(("name", "plan"), list(every_plan()))
def test_hardware_equals_the_golden_evaluation(name, plan):
    m = Module()
    pipe = Pipe(m)
    u, y = Signal(plan.arg_bits), Signal(16)
    value = kernel.evaluate(pipe, plan, u)
    assert value.shape().signed == plan.signed
    m.d.comb += [pipe.enable.eq(1), y.eq(value)]
    found = []

    async def drive(context):
        for at in range(plan.size + plan.latency):
            context.set(u, min(at, plan.size - 1))
            if at >= plan.latency:
                found.append(context.get(y))
            await context.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    expected = evaluate(plan, np.arange(plan.size)) & 0xFFFF
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("storage", ["logic", "memory"])
@pytest.mark.parametrize("count", [2, 3, 5, 6, 13])
def test_addresses_behind_the_end_give_the_last_entry(count, storage):
    m, address, word = Module(), Signal(4), Signal(8)
    values = [7 * n + 1 for n in range(count)]
    m.d.comb += word.eq(kernel.lookup(m, address, values, "table", storage))
    simulator, found = Simulator(m), []

    async def every_address(context):
        for at in range(16):
            context.set(address, at)
            await context.delay(1e-9)
            found.append(context.get(word))

    simulator.add_testbench(every_address)
    simulator.run()
    assert found == [values[min(at, count - 1)] for at in range(16)]
