# SPDX-License-Identifier: BSD-2-Clause
"""Estimates of room `small_lm`: beside the core's own cycle model, the words of its tape, and the build of kjv-mqa."""

import json
from functools import cache

import pytest

from gatewright.gen.estimate.devices import find_device, results
from gatewright.gen.estimate.models import find_subject
from gatewright.gen.estimate.report import estimate
from gatewright.gen.estimate.serial import words_of
from gatewright.gen.presets import load_design


@cache
def found(device):
    return estimate(find_subject("kjv-mqa", device), find_device(device), context=32, prompt=64)


@pytest.fixture(scope="module")
def built():
    return json.loads((results() / "kjv_mqa_icebreaker.json").read_text())


def test_cycles_are_those_of_the_build(built):
    speed = found("icebreaker").speed
    assert speed.cycles == built["cycles_per_token_at_32"] == sum(step.cycles for step in speed.steps)
    assert found("icebreaker").first_token == pytest.approx(
        built["cycles_to_first_token_after_64"] / (1e6 * built["timing"][0]["achieved_mhz"])
    )


def test_memories_are_those_of_the_build(built):
    used = {need.resource: need.used for need in found("icebreaker").needs}
    assert used["EBR4K"] == built["synthesis"]["counts"]["BRAM"]
    assert used["SPRAM"] == built["synthesis"]["counts"]["SPRAM"]
    assert used["DSP"] == built["synthesis"]["counts"]["DSP"]


def test_logic_is_near_that_of_the_build(built):
    used = {need.resource: need.used for need in found("icebreaker").needs}
    assert used["LUT"] == pytest.approx(built["synthesis"]["counts"]["LUTeq"], rel=0.03)
    assert used["FF"] == pytest.approx(built["synthesis"]["counts"]["FF"], rel=0.03)


def test_a_token_reads_the_whole_tape_and_what_it_attends_to():
    core = load_design("kjv-mqa").config.core
    words = words_of(core, 32)
    taped = core.layers * (core.head_dim + core.cached) + core.layers * core.heads * 33 * core.head_dim
    assert sum(words.values()) - core.features // 2 - taped == core.segments["tape"].words
    assert words_of(core, 33)["attend"] - words["attend"] == core.layers * core.heads * core.head_dim


def test_the_one_port_binds():
    speed = found("icebreaker").speed
    assert speed.binds.startswith("memory port")
    assert all(rate > speed.tokens_per_second for rate in speed.limits.values())


@pytest.mark.parametrize(("device", "words"), [("tang-nano-9k", "BSRAM: needs"), ("ulx3s-85f", "SPI flash")])
def test_what_a_board_lacks_stands_against_it(device, words):
    assert found("icebreaker").fits
    assert not found(device).fits
    assert any(words in reason for reason in found(device).reasons)


def test_boot_and_clock_are_told():
    notes = " ".join(found("icebreaker").notes)
    assert "reads 56,360 words from flash" in notes
    assert found("ulx3s-85f").geometry.inputs_per_cycle == 10


def test_an_engine_is_planned_where_memory_lies_outside():
    assert found("kv260").geometry.method == "fold"
