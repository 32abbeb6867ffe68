# SPDX-License-Identifier: BSD-2-Clause
"""The bench of ternary engines: its cases, ratios, tables and pictures; fits go where the model reads them."""

import json

import pytest

from gatewright.gen.bench import ternary_fit
from gatewright.gen.bench.ternary import bench_ternary, caption, published, tables
from gatewright.gen.bench.ternary_cases import PARTS, SMALL, TUNED, Case, cases, point
from gatewright.gen.bench.ternary_fit import points, residuals, write_costs
from gatewright.gen.bench.ternary_plot import draw
from gatewright.gen.bench.ternary_row import OURS, Row, under_select
from gatewright.gen.registry import find_room


def row(way, luts, family="ecp5", **more):
    values = {
        "fabric": family, "family": family, "point": point(24, 4), "way": way, "source": OURS, "macs": 96,
        "room": "tlmm", "lut4": luts, "carry": 0, "ff": 9 * luts, "bram": 2, "parameters": {"method": way},
    }  # fmt: skip
    return Row(**values | more)


OUTCOME = {
    "command": "x", "tools": {"pyosys": "0"}, "parts": {}, "target_mhz": 200.0, "seeds": [],
}  # fmt: skip


def test_published_ratios_are_those_of_the_paper():
    ratios = {r.way: round(under_select(r, []), 2) for r in published()}
    assert ratios == {"select": 1.0, "half": 1.23, "full": 1.87}


def test_ratios_hold_within_size_and_family_against_the_cheapest_baseline():
    plain = row("select", 2400, tuned=False)
    rows = [row("select", 2304), plain, row("half", 960), row("half", 96, "gowin"), row("half", 9, point="other")]
    assert [under_select(r, rows) for r in rows] == [1.0, 0.96, 2.4, None, None]
    assert rows[2].luts_per_mac == 10.0


def test_every_case_is_a_design_with_parameters_of_its_room():
    known = cases()
    assert {case.fabric for case in known} == set(PARTS) == set(SMALL) == set(TUNED)
    assert len({(case.point, case.way, case.fabric, case.options) for case in known}) == len(known)
    assert all(case in known for case in cases(quick=True))
    for case in known:
        find_room(case.room).config(**case.parameters)


def test_ice40_counts_luts_since_carries_share_their_cells():
    assert row("fold", 500, "ice40", carry=300).luts == 500
    assert row("fold", 500, carry=300).luts == 1100


def test_tables_and_pictures_show_all_rows():
    ours = [row("select", 2304, fmax_mhz=[150.0], seeds=1), row("half", 960), row("half", 1000, tuned=False)]
    rows = [*ours, *published()]
    found = tables(rows)
    assert [len(lines) for _, lines in found] == [3, 3]
    assert found[1][1][2][0] == "(full, TeLLMe v2)"
    pictures = draw(rows, OUTCOME)
    assert set(pictures) == {"ternary_methods.png", "pareto_ternary_memory.png", "pareto_ternary.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
    assert "arXiv 2510.15926" in caption(OUTCOME)


def test_a_small_engine_is_measured_and_saved(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GATEWRIGHT_CACHE", str(tmp_path / "cache"))
    shape = {"groups": 2, "outputs_per_cycle": 1, "act_bits": 4, "blocks_max": 1}
    chosen = [
        Case(point="tiny", way=way, fabric=family, parameters={"method": way, **shape}, options=TUNED[family])
        for way, family in (("select", "ecp5"), ("half", "ecp5"), ("half", "xilinx"))
    ]
    rows = bench_ternary(quick=True, save=tmp_path, as_json=True, chosen=chosen)
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "bench_ternary.json").read_text())
    assert [r["macs"] for r in printed["rows"][:3]] == [6, 6, 6]
    assert printed["rows"][1]["under_select"] > 1
    assert rows[1].ram == 4  # 7 bits of 16 words twice: two DPR16X4 each
    assert rows[2].ram in (16, 17)  # a RAM32M16 each, and a shift register
    assert "# Ternary multiplication" in (tmp_path / "bench_ternary.md").read_text()


def test_a_fit_replaces_the_families_that_were_measured(tmp_path, monkeypatch):
    (tmp_path / "costs.json").write_text("{}")
    monkeypatch.setattr(ternary_fit, "files", lambda package: tmp_path)
    rows = [row("select", 2304), row("half", 960), row("half", 990, tuned=False), *published()]
    found = write_costs(rows, OUTCOME)
    assert found == points(rows)
    assert len(found) == 2
    written = json.loads((tmp_path / "costs.json").read_text())
    assert {"ecp5", "gowin", "ice40", "xilinx"} == set(written["families"])
    assert sum(p["family"] == "ecp5" for p in written["points"]) == 2
    assert len(residuals(found)) == 2


@pytest.mark.parametrize("family", PARTS)
def test_small_sizes_have_the_baseline(family):
    assert "select" in SMALL[family]
