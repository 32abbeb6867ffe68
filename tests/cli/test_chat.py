# SPDX-License-Identifier: BSD-2-Clause
"""``chat``, its accelerator made of golden models in place of a compiled one."""

import json

import pytest
from tests.model.test_lm_session import GoldenPipe

from gatewright.gen.cli import main
from gatewright.gen.commands import chat
from gatewright.gen.model.lm_text import generate
from gatewright.gen.model.map_ternary_lm import model_of
from gatewright.gen.presets import load_design


@pytest.fixture
def golden(monkeypatch):
    def pipe(design, out):
        found = GoldenPipe(design.config.core)
        found.seconds = lambda: 0.0
        found.design_id = design.config.design_id
        return found

    monkeypatch.setattr(chat, "simulate", pipe)


def call(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["gatewright", "chat", *arguments])
    return main()


def test_a_text_comes_out(monkeypatch, capsys, golden):
    assert call(monkeypatch, "kjv-mlgru", "--prompt", "And God said", "--count", "6", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    design = load_design("kjv-mlgru")
    wanted = generate(model_of(design.settings, design.folder), list(b"And God said"), 6)
    assert found["text"] == bytes(wanted).decode()
    assert found["cycles"] == found["cycles_by_the_cycle_model"]
    assert found["tokens_found"] == 6


def test_text_and_table_for_people(monkeypatch, capsys, golden):
    assert call(monkeypatch, "kjv-mlgru", "--prompt", "In the ", "--count", "3", "--temperature", "0.7") == 0
    out = capsys.readouterr().out
    assert out.startswith("In the ")
    assert "tokens per second at 25 MHz" in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("mlp-digits",), "chat needs a model of room ternary_lm or small_lm, and mlp-digits is of room qnn_mlp"),
        (("kjv-mlgru", "--prompt", "é"), "prompt must hold bytes below 128, not 195: kjv_mlgru knows no other"),
        (("kjv-mlgru", "--prompt", ""), "prompt must have at least one byte"),
    ],
)
def test_refusals(monkeypatch, capsys, golden, arguments, line):
    assert call(monkeypatch, *arguments) == 2
    assert line in capsys.readouterr().err
