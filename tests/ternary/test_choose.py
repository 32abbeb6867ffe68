# SPDX-License-Identifier: BSD-2-Clause
"""The cost model predicts engines that it has not seen, and the choice is the cheapest measured one."""

from dataclasses import replace

import pytest

from gatewright.gen.ternary.choose import candidates, choose, utilisation
from gatewright.gen.ternary.cost import Point, estimate, fit, measured, model
from gatewright.gen.ternary.structure import block_rams, logic, macs
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.tlmm.config import TlmmConfig

FAMILIES = tuple(dict.fromkeys(p.family for p in measured()))
STATED = 0.20  # greatest relative error of an engine that the fit has not seen


def of(family):
    return [p for p in measured() if p.family == family]


def test_all_families_are_measured():
    assert set(FAMILIES) == {"ecp5", "gowin", "ice40", "xilinx"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_package_carries_the_fit_of_its_points(family):
    known, fresh = model(family), fit(of(family))
    assert known.luts == pytest.approx(fresh.luts, abs=2e-3)
    assert known.ff == pytest.approx(fresh.ff, abs=2e-3)
    assert known.worst == pytest.approx(fresh.worst, abs=1e-3)
    assert all(weight >= 0 for weight in (*known.luts.values(), *known.ff.values()))


@pytest.mark.parametrize("family", FAMILIES)
def test_engines_left_out_of_the_fit_are_predicted(family):
    found = of(family)
    for point in found:
        kin = [p for p in found if p is not point and p.config.method == point.config.method]
        if not any(p.config.storage == point.config.storage for p in kin):
            continue  # nothing to learn its method from
        guess = fit([p for p in found if p is not point]).estimate(point.config, family)
        assert guess.luts == pytest.approx(point.luts, rel=STATED)
        assert guess.ff == pytest.approx(point.ff, rel=STATED)


@pytest.mark.parametrize("family", FAMILIES)
def test_block_rams_are_counted_exactly(family):
    for point in of(family):
        assert block_rams(point.config, family) == point.block_rams


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_puts_the_cheapest_measured_engine_first(family):
    for outputs in (4, 16):
        here = [p for p in of(family) if p.config.outputs_per_cycle == outputs and p.config.block in (24, 25)]
        for most in {p.block_rams for p in here}:
            allowed = [p for p in here if p.block_rams <= most]
            cheapest = min(allowed, key=lambda p: p.luts / macs(p.config))
            assert cheapest is min(allowed, key=lambda p: estimate(p.config, family).luts_per_mac)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_choice_is_the_first_candidate_and_fits(family):
    for most in (8, 40):
        config, reason = choose(family, 8, 4, 96, 512, most)
        found = candidates(family, 8, 4, 96, 512, most)
        assert config == found[0].config
        assert reason.startswith(f"{found[0].name}, groups of {config.group}: ")
        assert block_rams(config, family) <= most
        assert macs(config) >= 96
        # Without block RAM for tables: the order of methods.
        names = [c.name for c in found if c.config.storage == "distributed"]
        assert names.index("fold" if family == "ice40" else "half") < names.index("select")


def test_a_fit_finds_the_weights_that_made_its_points():
    true = {"adders": 1.5, "signs": 0.5, "selects": 2.0, "control": 40.0}
    points = []
    for method in ("select", "half"):
        for groups in (2, 5, 8):
            config = TlmmConfig(method=method, groups=groups)
            counts = logic(config, "ecp5")
            luts = counts["ram"] + sum(weight * counts[kind] for kind, weight in true.items())
            points.append(Point("ecp5", config, round(luts), 100, 2))
    assert fit(points).worst < 0.01


def test_more_sweeps_or_block_rams_never_cost_more():
    costs = [candidates("ecp5", 8, 8, 192, sweep, rams)[0].estimate.luts for sweep, rams in
             ((64, 8), (512, 8), (512, 200))]  # fmt: skip
    assert costs == sorted(costs, reverse=True)


def test_short_sweeps_exclude_tables_that_would_be_built_most_of_the_time():
    config, reason = choose("ecp5", 8, 4, 96, 6, 4)
    assert not config.has_tables, reason
    assert utilisation(TlmmConfig(sweep_max=384), 384) == pytest.approx(384 / 396)
    assert utilisation(TlmmConfig(overlap=True), 384) == 1
    assert utilisation(TlmmConfig(method="fold"), 2) == 0.5


# Cycles from one block's weights to the next, for sweeps of 3, 20 and 40 beats: the sweep, and what the card says
# that a build costs; no less than a whole build.
PACES = (
    ({}, (15, 32, 52)), ({"method": "full"}, (31, 46, 66)), ({"overlap": True}, (15, 20, 40)),
    ({"storage": "block"}, (16, 33, 53)), ({"method": "fold"}, (4, 20, 40)),
)  # fmt: skip


@pytest.mark.parametrize(("values", "paces"), PACES)
def test_the_utilisation_is_what_builds_leave(values, paces):
    for sweep, pace in zip((3, 20, 40), paces, strict=True):
        config = TlmmConfig(**values, groups=1, outputs_per_cycle=1, sweep_max=40)
        assert utilisation(config, sweep) == pytest.approx(sweep / pace)


def test_what_cannot_be_met_is_refused():
    with pytest.raises(ConfigError, match=r"^block_rams_free must hold the sums between blocks"):
        choose("ecp5", 8, 16, 384, 512, 0)
    with pytest.raises(ConfigError, match=r"^family must be one of .* not 'warp'$"):
        estimate(TlmmConfig(), "warp")


def test_an_estimate_counts_per_weight_and_cycle():
    found = estimate(TlmmConfig(), "ecp5")
    assert found.luts_per_mac == found.luts / 96
    assert replace(found, macs=1).luts_per_mac == found.luts
