# SPDX-License-Identifier: BSD-2-Clause
"""The re-implemented baselines show the errors that are known of the published methods."""

import math

import numpy as np
import pytest

from gatewright.gen.bench.published import edge_moe, hls4ml, ibert, ita, softermax
from gatewright.hw.nonlinear.activation.config import ActivationConfig
from gatewright.hw.nonlinear.activation.golden import activation

LN2 = math.log(2)


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def softmax(x):
    power = np.exp(x - x.max(axis=-1, keepdims=True))
    return power / power.sum(axis=-1, keepdims=True)


def rows(std, count, size=500):
    return np.random.default_rng(7).normal(0, std, (size, count))


def quantised(x, unit, bits=8):
    half = 1 << (bits - 1)
    return np.clip(np.round(x / unit), -half, half - 1).astype(np.int64)


def test_edge_moe_gelu_has_its_published_table_and_error():
    codes = np.arange(-8 << 22, 8 << 22, 1 << 10)
    error = np.abs(edge_moe.gelu(codes) / 2**22 - gelu(codes / 2**22))
    assert edge_moe.TABLE_BITS == 3894
    assert error.max() == pytest.approx(9.76e-5, abs=0.01e-5)
    assert abs(codes[error.argmax()]) / 2**22 == pytest.approx(0.0156, abs=0.0005)


def test_edge_moe_gelu_is_relu_from_the_cut_on():
    codes = np.array([-(8 << 22), -(11 << 21), 11 << 21, (11 << 21) + 1, 8 << 22])
    np.testing.assert_array_equal(edge_moe.gelu(codes), np.maximum(codes, 0))


def test_ibert_gelu_is_off_by_18_thousandths_at_2_35():
    codes = np.arange(-8 << 12, 8 << 12)
    error = np.abs(ibert.gelu(codes, 2**-12).real - gelu(codes / 2**12))
    assert error.max() == pytest.approx(0.01815, abs=2e-5)
    assert codes[error.argmax()] / 2**12 == pytest.approx(2.35, abs=0.01)
    assert error.mean() == pytest.approx(0.0032, abs=1e-4)


def test_ibert_exp_is_off_by_2_thousandths():
    unit = 2**-10
    codes = np.arange(-math.floor(LN2 / unit) + 1, 1)
    error = np.abs(ibert.exp(codes, unit).real - np.exp(codes * unit))
    assert error.max() == pytest.approx(0.0021, abs=1e-4)
    unit = 2**-14  # the polynomial alone
    codes = np.arange(-math.floor(LN2 / unit) + 1, 1)
    true = np.exp(codes * unit)
    assert (np.abs(ibert.exp(codes, unit).real - true) / true).max() == pytest.approx(0.0031, abs=2e-4)


@pytest.mark.parametrize(("reach", "worst"), [(2, 0.0105), (4, 0.0182), (8, 0.0184)])
def test_ita_gelu_over_all_codes(reach, worst):
    codes, unit = np.arange(-128, 128), reach / 128
    error = np.abs(ibert.gelu(codes, unit, "nearest").real - gelu(codes * unit))
    assert error.max() == pytest.approx(worst, abs=1e-4)


@pytest.mark.parametrize("count", [16, 64, 128])
@pytest.mark.parametrize("std", [1, 2, 4])
def test_ita_softmax_errors_lie_where_they_were_measured(count, std):
    real = rows(std, count)
    codes = quantised(real, ita.unit())
    got = ita.softmax(codes) / 256
    assert 0.04 < np.abs(got - softmax(real)).max() < 0.16
    assert 0.004 <= np.abs(got - softmax(codes * ita.unit())).max() <= 0.039
    np.testing.assert_array_equal(np.take_along_axis(got, codes.argmax(-1)[:, None], -1)[:, 0], got.max(-1))


def test_ita_softmax_rows_sum_to_as_little_as_0_59():
    codes = quantised(rows(1, 128), ita.unit())
    assert (ita.softmax(codes) / 256).sum(axis=-1).min() == pytest.approx(0.59, abs=0.01)


def test_ita_softmax_by_hand():
    # 256, 128, 64, 32 sum to 480; 65280 // 480 = 136, halved each time
    assert ita.softmax(np.array([[0, -1, -2, -3]])).tolist() == [[136, 68, 34, 17]]
    # The first tile's 256 is shifted by 3 once the second raises the maximum.
    late = np.full((1, 17), -100)
    late[0, 0], late[0, 16] = 0, 3
    assert ita.softmax(late)[0, [0, 16]].tolist() == [226 >> 3, 226]
    # 5 dropped bits: 16 rounds up to one shift, 15 to none.
    assert ita.softmax(np.array([[0, -15, -16]]), drop=5).tolist() == [[102, 102, 51]]


def test_softermax_by_hand():
    # Two equal scores of 0: powers 1, sum 2, reciprocal 1/2: half each.
    assert softermax.softmax(np.array([[0, 0]])).tolist() == [[64, 64]]
    # One score of 0.25 under its rounded maximum of 1: power 2**-0.75, normalised to one.
    assert softermax.softmax(np.array([[1]]))[0, 0] == pytest.approx(128, abs=2)


@pytest.mark.parametrize("std", [1, 2, 4])
def test_softermax_is_a_coarse_softmax(std):
    real = rows(std, 64)
    codes = quantised(real, softermax.UNIT)
    got = softermax.softmax(codes) / 128
    own = np.abs(got - softmax(codes * softermax.UNIT)).max()
    assert 0.005 < own < 0.06
    assert 0.6 < got.sum(axis=-1).min() < got.sum(axis=-1).max() < 1.05


def test_softermax_pieces_touch_the_functions_at_the_quarters():
    codes = np.arange(-40, 1)
    exact = 2.0 ** (codes / 4) * 2**15
    assert np.all((softermax.power_of_two(codes) <= exact) & (softermax.power_of_two(codes) > exact - 2))
    totals = np.arange(1, 1 << 16)
    mantissa, exponent = softermax.reciprocal(totals)
    relative = mantissa / 2.0**7 / 2.0**exponent * (totals / 2**6)
    assert 0.98 < relative.min() < relative.max() < 1.02


@pytest.mark.parametrize("count", [5, 16, 64])
@pytest.mark.parametrize("std", [1, 2, 4])
def test_hls4ml_rows_sum_to_as_much_as_1_25(count, std):
    real = rows(std, count)
    got = hls4ml.softmax(quantised(real, 2**-10, 16)) / 1024
    assert 0.03 < np.abs(got - softmax(real)).max() < 0.22
    assert got.sum(axis=-1).min() > 0.955
    assert got.sum(axis=-1).max() < 1.26
    if (count, std) != (64, 1):
        assert got.sum(axis=-1).max() > 1.13


def test_ibert_softmax_loses_row_mass_to_truncation():
    codes = quantised(rows(1, 128), 1 / 16)
    got = ibert.softmax(codes, 1 / 16) / 256
    assert np.abs(got - softmax(codes / 16)).max() < 0.02
    assert 0.6 < got.sum(axis=-1).min() < got.sum(axis=-1).max() < 1


def test_the_rebuilt_edge_moe_unit_agrees_with_the_independent_model():
    config = ActivationConfig(method="edge_moe", in_bits=26, out_bits=26, in_fraction=22, out_fraction=22)
    codes = np.random.default_rng(3).integers(-1 << 25, 1 << 25, 20_000)
    np.testing.assert_array_equal(activation(config, codes), edge_moe.gelu(codes))
