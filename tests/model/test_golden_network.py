# SPDX-License-Identifier: BSD-2-Clause
"""The golden network against plain Python integers and fractions, written out again from the definition."""

from fractions import Fraction

import numpy as np
import pytest

from gatewright.gen.model.golden_network import classify, dense, dequantise, first_difference, quantise, run
from gatewright.gen.model.graph import Activation, Dense, Network
from gatewright.gen.model.rescale import fixed_point
from gatewright.hw.core.errors import ModelError


def by_hand(layer, row):
    """One item, one element at a time; Fraction's own rounding is half to even."""
    out = []
    for o in range(len(layer.weights)):
        acc = int(layer.bias[o])
        for weight, code in zip(layer.weights[o].tolist(), row.tolist(), strict=True):
            acc += weight * code
            assert -(2**31) <= acc < 2**31
        y = round(Fraction(acc * int(layer.multiplier[o]), 2 ** int(layer.shift[o]))) + layer.output.zero_point
        floor = layer.output.zero_point if layer.relu else (-128 if layer.output.signed else 0)
        out.append(min(max(y, floor), 127 if layer.output.signed else 255))
    return out


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("signed", "zero"), [(True, 0), (True, -128), (True, 5), (False, 0), (False, 130)])
def test_dense_equals_python_integers_on_random_and_corner_values(signed, zero, relu):
    rng = np.random.default_rng(7)
    form = Activation(1.0, 0, 8, signed)
    layer = Dense(
        "d", rng.integers(-128, 128, (6, 9)), rng.integers(-5000, 5000, 6),
        np.array([1 << 15, (1 << 16) - 1, 40000, 50000, 33333, 1 << 15]), np.array([20, 24, 23, 15, 47, 25]),
        relu, form, Activation(1.0, zero, 8, signed),
    )  # fmt: skip
    corners = [[form.low] * 9, [form.high] * 9, [0] * 9, [form.low, form.high] * 4 + [1]]
    rows = np.vstack([corners, rng.integers(form.low, form.high + 1, (200, 9))])
    got = dense(layer, rows)
    assert got.tolist() == [by_hand(layer, row) for row in rows]
    if not relu:
        assert {int(got.min()), int(got.max())} == {layer.output.low, layer.output.high}  # both ends saturate


def test_ties_go_to_the_even_code():
    form = Activation(1.0)
    layer = Dense("t", [[1]], [0], [1 << 15], [16], False, form, form)  # exactly acc / 2
    rows = np.arange(-7, 8)[:, np.newaxis]
    assert dense(layer, rows)[:, 0].tolist() == [-4, -3, -2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2, 3, 4]


def test_the_widest_accumulator_and_product_do_not_wrap():
    form = Activation(1.0, 0, 8, False)
    top = 2**31 - 1
    layer = Dense("w", [[127], [-128]], [top - 127 * 255, 128 * 255 - 2**31], [(1 << 16) - 1] * 2, [40, 40], False,
                  form, Activation(1.0))  # fmt: skip
    assert layer.acc_bits == 32
    assert dense(layer, np.array([[255]])).tolist() == [by_hand(layer, np.array([255]))] == [[127, -128]]


def test_an_accumulator_that_could_overflow_is_refused():
    form = Activation(1.0, 0, 8, False)
    with pytest.raises(ModelError, match=r"layer w: accumulator must fit 32 bits, but .* can need 33"):
        Dense("w", [[127]], [2**31 - 127 * 255], [1 << 15], [40], False, form, form)


def test_accumulator_bounds_are_reached_and_tight():
    rng = np.random.default_rng(1)
    form = Activation(1.0)
    layer = Dense("d", rng.integers(-128, 128, (1, 8)), [3], [1 << 15], [30], False, form, form)
    worst = np.where(layer.weights[0] > 0, form.high, form.low)
    assert int(worst @ layer.weights[0].astype(int)) + 3 == layer.acc_range[1]
    low, high = layer.acc_range
    assert -(1 << (layer.acc_bits - 1)) <= low
    assert high < 1 << (layer.acc_bits - 1)
    assert max(-low, high + 1) > 1 << (layer.acc_bits - 2)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"weights": [[128]]}, "weights must lie in -128..127, not 128"),
        ({"weights": [1]}, r"weights must have the shape \(outputs, inputs\), not \(1,\)"),
        ({"bias": [2**31]}, "bias must lie in -2147483648..2147483647, not 2147483648"),
        ({"bias": [0, 0]}, r"bias must have the shape \(1,\), not \(2,\)"),
        ({"multiplier": [32767]}, "multiplier must lie in 32768..65535, not 32767"),
        ({"shift": [48]}, "shift must lie in 0..47, not 48"),
        ({"output": Activation(1.0, 128)}, "zero_point must lie in -128..127, not 128"),
    ],
)
def test_a_layer_refuses_what_the_hardware_could_not_hold(change, rule):
    form = Activation(1.0)
    good = {"name": "d", "weights": [[1]], "bias": [0], "multiplier": [1 << 15], "shift": [16], "relu": False,
            "input": form, "output": form}  # fmt: skip
    Dense(**good)
    with pytest.raises(ModelError, match=f"^layer d: {rule}$"):
        Dense(**(good | change))


def small_network():
    form = Activation(0.5)
    first = Dense("a", [[1, 2], [3, 4], [5, 6]], [0] * 3, [1 << 15] * 3, [16] * 3, True, form, form)
    second = Dense("b", [[1, 1, 1], [1, 1, 1]], [0] * 2, [1 << 15] * 2, [18] * 2, False, form, form)
    return Network("n", form, (2, 1), (first, second), ("left", "right"))


def test_layers_cannot_be_changed_afterwards():
    layer = small_network().layers[0]
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 5


def test_ties_between_classes_go_to_the_lowest_index():
    network = small_network()
    assert classify(network, [[4, 6], [0, 0]]).tolist() == [0, 0]


def test_the_first_difference_is_named():
    network = small_network()
    trace = run(network, [[4, 6], [1, 2]])
    assert first_difference(network, trace, trace) is None
    other = [layer.copy() for layer in trace]
    other[1][0, 1] += 1
    other[0][1, 2] -= 1
    difference = first_difference(network, trace, other)
    assert str(difference) == f"layer a, item 1, channel 2: expected {trace[0][1, 2]}, got {trace[0][1, 2] - 1}"


@pytest.mark.parametrize(
    ("codes", "rule"),
    [
        ([[1.0, 2.0]], "input codes must be integers, not float64"),
        ([[1, 2, 3]], r"input must have the shape \('batch', 2, 1\), not \(1, 3\)"),
        ([[1, 128]], "input codes must lie in -128..127, not 128"),
    ],
)
def test_wrong_inputs_are_refused(codes, rule):
    with pytest.raises(ModelError, match=f"^network n: {rule}$"):
        run(small_network(), codes)


def test_quantise_rounds_half_even_and_saturates():
    form = Activation(0.5, 3)
    assert quantise(form, [0.25, 0.75, -0.25, 1e30, -np.inf, 1.0]).tolist() == [3, 5, 3, 127, -128, 5]
    assert dequantise(form, [3, 5]).tolist() == [0.0, 1.0]


def test_fixed_point_is_the_nearest_normalised_pair():
    rng = np.random.default_rng(3)
    for _ in range(500):
        ratio = Fraction(float(np.float32(rng.uniform(1, 2) * 2.0 ** rng.integers(-32, 16))))
        multiplier, shift = fixed_point(ratio)
        assert 2**15 <= multiplier < 2**16
        assert 0 <= shift <= 47
        error = abs(Fraction(multiplier, 2**shift) - ratio)
        assert error <= Fraction(1, 2 ** (shift + 1))
        assert error / ratio <= Fraction(1, 2**16)


def test_fixed_point_at_its_ends():
    assert fixed_point(Fraction(1)) == (1 << 15, 15)
    assert fixed_point(2 - Fraction(1, 1 << 20)) == (1 << 15, 14)  # rounds up into the next power of two
    assert fixed_point(Fraction(65535)) == (65535, 0)
    assert fixed_point(Fraction(1, 2**60)) == (1 << 15, 47)
    assert fixed_point(Fraction(2 * 32768 + 1, 1 << 17)) == (32768, 16)  # a tie goes to the even multiplier
    for bad in (Fraction(0), Fraction(-1), Fraction(1 << 16)):
        with pytest.raises(ValueError, match=r"^ratio must be"):
            fixed_point(bad)
