# SPDX-License-Identifier: BSD-2-Clause
"""The command ``estimate``: tables, JSON, and one line for what is wrong."""

import json
import sys

import pytest

from gatewright.gen import cli

FEW = ("--context", "0", "--prompt-tokens", "2", "--inputs-per-cycle", "64", "--outputs-per-cycle", "8")


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command line; give its status and what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gatewright", "estimate", *arguments])
        return cli.main(), capsys.readouterr()

    return run


def test_json_parses_and_is_marked_as_a_projection(command):
    status, printed = command("bitnet-0.73b", "--device", "kv260", *FEW, "--json")
    assert status == 0
    found = json.loads(printed.out)
    assert found["projection"] is True
    assert found["bandwidth_bytes_per_second"] == pytest.approx(0.8 * 19.2e9)
    assert found["tokens_per_second"] == pytest.approx(
        found["clock_mhz"] * 1e6 / max(found["cycles_per_token"], found["external_cycles_per_token"])
    )
    assert found["published"][0]["decode"] == 25


def test_tables_say_projection_and_what_binds(command):
    status, printed = command("bitnet-0.73b", "--device", "kv260", *FEW)
    assert status == 0
    for word in ("Projection: bitnet-0.73b", "TeLLMe v2", "Memory traffic", "step by step", "gen/ternary/costs.json",
                 "bandwidth of DDR4", "no measured row"):  # fmt: skip
        assert word in printed.out


@pytest.mark.parametrize(("arguments", "words"), [
    (("bitnet-0.73b", "--device", "moon"), ["device moon is unknown", "ulx3s-85f", "u280"]),
    (("moon", "--device", "kv260"), ["model 'moon' is neither a file", "bitnet-0.73b"]),
    (("mlp-digits", "--device", "ulx3s-85f"), ["needs a language model", "qnn_mlp"]),
    (("nothing.gguf", "--device", "kv260"), ["nothing.gguf"]),
    (("nothing.safetensors", "--device", "kv260"), ["nothing.json can't be read"]),
    (("bitnet-0.73b", "--device", "kv260", "--context", "5000"), ["context must lie in 0..2047", "not 5000"]),
])  # fmt: skip
def test_what_is_wrong_takes_one_line(arguments, words, command):
    status, printed = command(*arguments)
    assert status == 2
    assert printed.err.count("\n") == 1
    assert all(word in printed.err for word in words)
