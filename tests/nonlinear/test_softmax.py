# SPDX-License-Identifier: BSD-2-Clause
"""The softmax's golden model against float64 within its proven bounds; its order; its timing; its config."""

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import packets
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.golden import golden, softmax
from gatewright.hw.nonlinear.softmax.mask import kept
from gatewright.hw.nonlinear.softmax.timing import play
from gatewright.tb.nonlinear.tb_softmax import BENCH, stimulus

ALGORITHMS = ("exact", "online", "two_pass", "fixed_phi", "base2")
DIVIDING = ALGORITHMS[:-1]
FORMATS = [
    {},
    {"lanes": 2, "row_max": 512},
    {"scale": 1, "scale_fraction": 3, "phi": 60, "range_low": -30, "range_high": 40},
    {"scale": 45, "scale_fraction": 8, "row_max": 17, "lanes": 3},
    {"out_bits": 16, "row_max": 256},
    {"score_bits": 12, "scale_fraction": 8, "out_bits": 12, "phi": 0, "range_low": -700, "range_high": 900},
    {"out_bits": 4, "score_bits": 5, "scale_fraction": 1, "phi": 3, "range_low": -9, "range_high": 9},
]
CASES = [
    *(values | {"algorithm": name} for values in FORMATS for name in ALGORITHMS),
    *BENCH.grid,
    *BENCH.mutations,
]


def real(config, score, keep):
    """Evaluate softmax in float64, in units of the output."""
    if not keep.any():
        return np.zeros(score.shape)
    below = np.where(keep, score - score[keep].max(), 0) * config.scale / 2.0**config.scale_fraction
    power = np.where(keep, np.exp(below), 0)
    return power / power.sum() * 2.0**config.out_bits


def rows_of(config, seed, size=400):
    """Draw rows as the bench does, both kinds, with their masks and results."""
    for kind in ("random", "corners"):
        inputs = stimulus(config, np.random.default_rng(seed), kind, max(size, 4 * config.row_beats))
        beats, p = inputs["i"], golden(config, inputs)["o"]["p"]
        keep = kept(config.mask, beats)
        for row in packets(beats):
            yield beats["score"][row], keep[row].astype(bool), p[row]


def peaks(config):
    """Give rows of the greatest length: one peak over a floor, at every distance that could matter."""
    low, high = config.inputs[0].field("score").low, config.inputs[0].field("score").high
    for distance in np.unique(np.geomspace(1, high - low, 60).astype(int)):
        for top in {high, 0, low + int(distance)}:
            if top - distance >= low:
                score = np.full((config.row_beats, config.lanes), top - distance)
                for place in (0, -1):
                    peak = score.copy()
                    peak.flat[place] = top
                    yield peak


def check_row(config, score, keep, p):
    error = np.abs(p - real(config, score, keep))
    assert error.max() <= config.error_lsb + 1e-6, (error.max(), score)
    assert not p[~keep].any()
    if not keep.any():
        return error.max()
    assert abs(p.sum() - 2**config.out_bits) <= config.row_sum_error_lsb
    values, results = score[keep], p[keep]
    order = np.argsort(values, kind="stable")
    values, results = values[order], results[order]
    assert (np.diff(results) >= 0).all()  # a larger score has no smaller probability
    assert (np.diff(results)[np.diff(values) == 0] == 0).all()  # equal scores have equal ones
    assert results[values == values[-1]].min() == p.max()  # wherever the greatest score is, p is greatest
    return error.max()


@pytest.mark.parametrize("values", CASES, ids=str)
def test_error_sum_and_order_keep_their_promises(values):
    config = SoftmaxConfig(**values)
    found = [check_row(config, score, keep, p) for score, keep, p in rows_of(config, 3)]
    for score in peaks(config):
        keep = np.ones(score.shape, np.int64)
        found.append(check_row(config, score, keep.astype(bool), softmax(config, score, keep)))
    if config.algorithm != "base2":
        assert max(found) > 0.4  # the rows are hard enough to see rounding at least


@pytest.mark.parametrize("name", DIVIDING)
def test_no_probability_is_off_by_more_than_one_unit(name):
    for values in FORMATS:
        assert SoftmaxConfig(algorithm=name, **values).error_lsb <= 1


def test_base2_states_its_own_bound():
    # Without division the sum is off by up to a factor of 11/8 or 11/16: no form of the method gives one unit.
    config = SoftmaxConfig(algorithm="base2")
    assert 0.3125 < config.error_lsb / 256 < 0.34
    worst = max(check_row(config, score, keep, p) for score, keep, p in rows_of(config, 5, 4000))
    assert worst > 0.25 * 256


@pytest.mark.parametrize("name", ALGORITHMS)
def test_rows_of_4096_elements_keep_their_promises(name):
    config = SoftmaxConfig(algorithm=name, lanes=16, row_max=4096)
    keep = np.ones((config.row_beats, config.lanes), np.int64)
    rng = np.random.default_rng(2)
    rows = [np.full(keep.shape, 5), rng.integers(-128, 128, keep.shape), rng.integers(-20, 20, keep.shape)]
    for distance in (1, 20, 80, 120, 133, 150, 200):  # the tail counts in whole, each element hardly
        score = np.full(keep.shape, 127 - distance)
        score.flat[4095] = 127
        rows.append(score)
    rows.append(np.sort(rng.integers(-128, 128, keep.shape), axis=None).reshape(keep.shape))
    for score in rows:
        check_row(config, score, keep.astype(bool), softmax(config, score, keep))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_single_scores_masked_rows_and_saturated_scores(name):
    config = SoftmaxConfig(algorithm=name, mask="keep", lanes=1, row_max=8)
    for code in (-128, -1, 0, 127):
        single = softmax(config, np.array([[code]]), np.array([[1]]))
        assert abs(int(single[0, 0]) - 256) <= config.error_lsb
        assert softmax(config, np.array([[code]]), np.array([[0]])).tolist() == [[0]]
        even = softmax(config, np.full((8, 1), code), np.ones((8, 1), np.int64))
        assert len(set(even.ravel().tolist())) == 1
        if name != "base2":
            assert even[0, 0] == 32
    # What is masked does not count, however great.
    score = np.array([[127], [-128], [-128]])
    assert softmax(config, score, np.array([[0], [1], [1]])).ravel().tolist() == softmax(
        config, np.array([[-128], [-128], [-128]]), np.array([[0], [1], [1]])
    ).ravel().tolist()  # fmt: skip


def test_fixed_phi_sums_again_exactly_outside_its_open_range():
    config = SoftmaxConfig(algorithm="fixed_phi", lanes=1, row_max=4)
    least, most = config.phi + config.range_low + 1, config.phi + config.range_high - 1
    column = np.array([least, most, least - 1, most + 1])
    beats = {"score": column[:, np.newaxis], "last": np.ones(4, np.int64)}
    times = [config.delay({"i": {name: part[k : k + 1] for name, part in beats.items()}}) for k in range(4)]
    assert times[0] == times[1] < times[2] == times[3]


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_equal_rows_leave_no_cycle_unused(name, lanes):
    config = SoftmaxConfig(algorithm=name, lanes=lanes, row_max=64 * lanes)
    for beats in (config.row_interval, config.row_interval + 5, 64):
        first, last, _ = play(config.schedule, [beats] * 12)
        assert last - first == 12 * beats - 1, (beats, first, last)
    first, last, _ = play(config.schedule, [max(config.row_interval - 1, 1)] * 12)
    assert name == "base2" or last - first >= 12 * (config.row_interval - 1)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("row_beats", [3, 16, 300])
def test_buffers_hold_whatever_waits(name, row_beats):
    config = SoftmaxConfig(algorithm=name, lanes=1, row_max=row_beats, dividers=1 if name == "base2" else 2)
    rng = np.random.default_rng(row_beats)
    for chance in (0.1, 0.5, 1.0):
        lengths = np.where(rng.random(40) < 0.5, row_beats, rng.integers(1, row_beats + 1, 40)).tolist()
        pauses = rng.random(1 << 18) < chance
        again = (rng.random(40) < 0.3).tolist() if name == "fixed_phi" else []
        *_, most = play(config.schedule, lengths, again, lambda cycle, pauses=pauses: bool(pauses[cycle]))
        for fill, segment in zip(most, config.schedule.segments, strict=False):
            assert fill <= segment.depth


REFUSED = [
    ({"lanes": 17}, "softmax.lanes must lie in 1..16, not 17"),
    ({"row_max": 4097}, "softmax.row_max must lie in 1..4096, not 4097"),
    ({"algorithm": "fast"}, "softmax.algorithm must be one of exact, online, two_pass, fixed_phi, base2, not 'fast'"),
    ({"algorithm": "base2", "dividers": 2}, "softmax.dividers must be 1 for algorithm base2, not 2"),
    (
        {"algorithm": "fixed_phi", "range_low": 3, "range_high": 4},
        "softmax.range_high must exceed range_low by 2 or more, not be 4",
    ),
    (
        {"algorithm": "fixed_phi", "phi": 100},
        "softmax.phi and its range must stay within the scores -128..127, not reach from 53 to 147",
    ),
    (
        {"algorithm": "fixed_phi", "scale": 65535, "scale_fraction": 4},
        "softmax.scale allows no error within 1 unit of the output at these widths: 65535 / 2**4 is too fine a step "
        "or fixed_phi's range too wide",
    ),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        SoftmaxConfig(**values)
    assert str(caught.value) == line
