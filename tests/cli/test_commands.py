# SPDX-License-Identifier: BSD-2-Clause
"""Commands that succeed: their JSON parses, their files agree, their verdict is the exit status."""

import hashlib
import json
import sys
import tomllib
from pathlib import Path

import pytest

from gatewright.fpga_boards.registry import boards
from gatewright.gen import cli
from gatewright.gen.design import parse_design
from gatewright.gen.registry import rooms


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run a command line; give its status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gatewright", *arguments])
        return cli.main(), capsys.readouterr().out

    return run


def test_list_shows_every_room(command):
    status, text = command("list", "--json")
    assert status == 0
    assert {room["name"] for room in json.loads(text)["rooms"]} == set(rooms())
    status, text = command("list")
    assert status == 0
    assert all(name in text for name in rooms())


def test_boards_and_doctor_speak_json(command):
    status, text = command("boards", "--json")
    assert status == 0
    assert {board["name"] for board in json.loads(text)} == set(boards())
    status, text = command("doctor", "--json")
    assert status in (0, 1)  # 1 where a needed tool is missing; the JSON says which
    assert json.loads(text)


@pytest.mark.parametrize("room", rooms())
def test_what_new_prints_reads_back_as_the_default(room, command):
    status, text = command("new", room)
    assert status == 0
    design = parse_design(tomllib.loads(text), "new", "x")
    assert design.settings == rooms()[room].settings()
    schema = json.loads(command("new", room, "--json")[1])
    assert schema["properties"].keys() == type(design.settings).model_fields.keys()


def test_generate_is_repeatable_and_its_manifest_is_true(command):
    Path("small.toml").write_text('room = "fork"\n')
    status, text = command("generate", "small.toml", "--out", "one", "--json")
    assert status == 0
    assert command("generate", "small.toml", "--out", "two")[0] == 0
    one, two = (
        {path.name: path.read_bytes() for path in Path(out, "small", "rtl").iterdir()} for out in ("one", "two")
    )
    assert one == two
    manifest = json.loads(one["manifest.json"])
    assert manifest == {key: value for key, value in json.loads(text).items() if key != "folder"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256(one[name]).hexdigest() == digest
