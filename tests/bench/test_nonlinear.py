# SPDX-License-Identifier: BSD-2-Clause
"""The bench of the nonlinear rooms: its figures of merit, its tables and pictures, its memory."""

import numpy as np
import pytest

from gatewright.fpga_boards.parts import ECP5_85F, ICE40_UP5K
from gatewright.gen.bench import measure as measuring
from gatewright.gen.bench.accuracy import compare, compare_rows, softmax
from gatewright.gen.bench.measure import measure
from gatewright.gen.bench.nonlinear import Result, pictures, published, tables
from gatewright.gen.bench.nonlinear_cases import SUBJECTS, cases
from gatewright.gen.bench.pareto import Point, draw, front
from gatewright.gen.design import design_of
from gatewright.gen.flow.synth import SynthOptions, options_for
from gatewright.gen.registry import find_room
from gatewright.hw.core.errors import ConfigError


def test_errors_are_counted_in_output_units():
    found = compare(np.array([0.5, 1.0]), np.array([0.5, 0.75]), 0.125, "two")
    assert (found.max_lsb, found.mean_lsb, found.max_real) == (2.0, 1.0, 0.25)


def test_a_rounded_softmax_is_as_good_as_its_format():
    got = compare_rows(lambda codes: np.round(softmax(codes / 8) * 65536).astype(np.int64), 1 / 8, 2.0**-16)
    assert got.max_lsb == pytest.approx(0.5, abs=0.01)
    assert got.code_flips == 0
    assert got.sum_min > 0.999
    assert got.sum_max < 1.001
    assert got.kl < 0.01  # what remains is the scores' own quantisation


def test_a_softmax_of_the_wrong_order_is_found_out():
    worse = compare_rows(lambda codes: -codes + 200, 1 / 8, 2.0**-8)
    assert worse.code_flips > 0.9
    assert worse.flips > 0.9


def test_the_front_leaves_out_what_is_beaten():
    points = [Point("a", 10, 1.0, True), Point("b", 20, 2.0, True), Point("c", 30, 0.5, False)]
    points.append(Point("d", None, 0.1, False))
    assert [point.name for point in front(points)] == ["a", "c"]
    points.append(Point("e", 5, 0.2, True, "2 BRAM"))
    assert [point.name for point in front(points)] == ["e"]
    assert [point.name for point in front(points, memories=False)] == ["a", "c"]
    assert draw(points, "title", "caption", 0.5).startswith(b"\x89PNG")


def test_published_designs_fill_tables_and_pictures():
    results = published()
    by_name = {result.design: result for result in results}
    assert by_name["Edge-MoE table, 177 x 22 bits"].accuracy.table_bits == 3894
    assert {result.subject for result in results} <= set(SUBJECTS)
    titles = [title for title, _, _ in tables(results)]
    assert "Softmax: accuracy" in titles
    assert "Norms: cost" in titles
    for _, columns, lines in tables(results):
        assert all(len(line) == len(columns) for line in lines)
    drawn = pictures(results, {"tools": {"pyosys": "0"}, "command": "x"})
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.values())


def test_every_case_is_a_design_of_its_subject():
    for case in cases():
        assert case.subject in SUBJECTS
        assert {*case.parameters, *case.small} <= find_room(case.room).config.model_fields.keys()
        if case.room != "function" and case.parameters.get("method") != "polynomial":  # whose fits take seconds
            assert case.latency(design_of(case.room, **case.parameters).config) > 0
    with pytest.raises(ConfigError, match=r"subject must be one of .* not 'warp'"):
        cases("warp")


def test_a_measured_design_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWRIGHT_CACHE", str(tmp_path / "cache"))
    design = design_of("skid")
    first = measure(design, ECP5_85F, SynthOptions(), tmp_path / "one", ())
    assert first.ff
    assert not first.fmax_mhz
    monkeypatch.setattr(measuring, "synthesise", None)  # what is remembered is not made again
    assert measure(design, ECP5_85F, SynthOptions(), tmp_path / "two", ()) == first


def test_a_block_with_more_bits_than_pins_is_placed_between_shift_registers(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWRIGHT_CACHE", str(tmp_path / "cache"))
    found = measure(design_of("requantise"), ICE40_UP5K, options_for(ICE40_UP5K), tmp_path, (1,), 50)
    assert found.wrapped
    assert found.fmax_mhz[0] > 10


def test_a_published_name_stands_in_brackets():
    assert Result(subject="exp", design="x", source="somewhere").name == "(x)"
    assert Result(subject="exp", design="x", source="gatewright").name == "x"
