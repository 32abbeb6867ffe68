# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a user gets wrong, the command line answers with one clear line, status 2, and no files."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.model.onnx_cases import model, node, parts

from gatewright.gen import cli
from gatewright.gen.presets import folder

CONFIGS = {
    "not TOML": ("= 3", ["bad.toml is not TOML", "line 1, column 1"]),
    "cut short": ('room = "fork', ["bad.toml is not TOML"]),
    "a key twice": ('room = "fork"\nroom = "join"', ["bad.toml is not TOML", "verwrite"]),
    "binary file": (b"\xff\xfe\x00\x01", ["bad.toml is not TOML", "UTF-8", "give the path of a TOML file"]),
    "empty file": ("", ["bad.toml: room is missing", "`gatewright list`"]),
    "room missing": ('name = "x"', ["bad.toml: room is missing", "`gatewright list`"]),
    "room unknown": ('room = "nope"', ["room must be one of", "adder_tree", "width_up", "not 'nope'"]),
    "room not a name": ("room = 3", ["bad.toml: room must be a name", "`gatewright list`", "not 3"]),
    "outer key unknown": ('room = "fork"\nwidth = 4', ["width is not a key", "known keys are name, parameters, room"]),
    "name with a space": ('room = "fork"\nname = "My Fork"', ["name must be lower-case letters", "not 'My Fork'"]),
    "name that leaves the folder": ('room = "fork"\nname = "../x"', ["name must be", "not '../x'"]),
    "name too long": (f'room = "fork"\nname = "{"a" * 64}"', ["name must be", "at most 63"]),
    "name a number": ('room = "fork"\nname = 3', ["name must be", "not 3"]),
    "parameters no table": ('room = "fork"\nparameters = 3', ["parameters must be a table [parameters]", "not 3"]),
    "board no table": ('room = "fork"\nboard = 3', ["board must hold one table per board, [board.NAME]"]),
    "board entry no table": ('room = "fork"\n[board]\nicebreaker = 3', ["board must hold one table per board"]),
    "board table of an unknown board": (
        'room = "fork"\n[board.moon]\nwidth = 3', ["board moon is unknown", "known boards are", "icebreaker"],
    ),
}  # fmt: skip

PARAMETERS = {  # ROOM:PARAMETERS
    "parameter unknown": (
        "fork:depth = 3", ["fork.depth is not a parameter", "known parameters are output_count, width"],
    ),
    "parameter named room": ('fork:room = "x"', ["fork.room is not a parameter"]),
    "parameter named self": ('fork:self = "x"', ["fork.self is not a parameter"]),
    "parameter with a control character": ('fork:"a\\u001b[31m\\nb" = 3', ["fork.a?[31m b is not a parameter"]),
    "text for a number": ('fork:width = "a"', ["fork.width must be a whole number", "not 'a'"]),
    "fraction": ("fork:width = 1.5", ["fork.width must be a whole number", "not 1.5"]),
    "flag for a number": ("fork:width = true", ["fork.width must be a whole number", "not True"]),
    "not a number": ("fork:width = nan", ["fork.width must be a whole number", "not nan"]),
    "table for a number": ("fork:width = { a = 1 }", ["fork.width must be a whole number"]),
    "too small": ("fork:width = 0", ["fork.width must lie in 1..1024", "not 0"]),
    "too large": ("fork:width = 1025", ["fork.width must lie in 1..1024", "not 1025"]),
    "list for a list of tables": ("mlp_core:layers = [3]", ["mlp_core.layers.0", "not 3"]),
    "no layers": ("mlp_core:layers = []", ["mlp_core.layers must not be empty"]),
    "nested out of range": (
        "mlp_core:layers = [{ inputs = 0 }]", ["mlp_core.layers.0.inputs must lie in 1..", "not 0"],
    ),
    "nested unknown": ("mlp_core:layers = [{ inptus = 3 }]", ["mlp_core.layers.0.inptus is not a parameter", "inputs"]),
    "nested wrong type": ('mlp_core:layers = [{ inputs = "a" }]', ["mlp_core.layers.0.inputs must be a whole number"]),
    "cross-field rule": ("qnn_mlp:baud = 12_000_000", ["qnn_mlp.baud must lie in", "a clock of 12000000 Hz"]),
    "not a power of two": ("qnn_mlp:depth = 3", ["mlp_core.depth must be a power of two", "not 3"]),
    "choice unknown": ('qnn_mlp:multiplier = "x"', ["qnn_mlp.multiplier must be one of plain, booth, dsp", "not 'x'"]),
    "model not a name": ("qnn_mlp:model = 3", ["qnn_mlp.model", "string", "not 3"]),
    "test data missing": ('qnn_mlp:test_data = "no.npz"', ["qnn_mlp.test_data must name a file", "not 'no.npz'"]),
}


def damaged(change):
    constants, nodes = parts()
    extra = change(constants, nodes) or {}
    return model(constants, nodes, **extra).SerializeToString()


def sigmoid(constants, nodes):
    nodes["relu"] = node("Sigmoid", ["fc"], "relu")


def float_weights(constants, nodes):
    constants["w"] = np.ones((2, 3), np.float32)
    del nodes["w"]


def unsigned_weights(constants, nodes):
    constants["w_q"] = np.ones((2, 3), np.uint8)


def unsigned_input(constants, nodes):
    fresh, _ = parts(np.uint8)
    constants |= fresh


def negative_scale(constants, nodes):
    constants["xs"] = np.float32(-0.1)


MODELS = {
    "missing": (None, ["qnn_mlp.model must name a file", "not 'bad.onnx'"]),
    "empty": (b"", ["bad.onnx", "no ONNX file"]),
    "not ONNX": (b"hello, this is no model\n" * 20, ["bad.onnx", "no ONNX file"]),
    "cut short": ("cut", ["bad.onnx", "ONNX"]),
    "unsupported operator": (sigmoid, ["bad.onnx", "Sigmoid", "not supported", "supported are QuantizeLinear"]),
    "weights not quantised": (float_weights, ["bad.onnx", "fc"]),
    "weights of uint8": (unsigned_weights, ["bad.onnx", "int8", "uint8"]),
    "input of uint8": (unsigned_input, ["input must be int8 for qnn_mlp, not uint8", "quantise it to int8"]),
    "scale negative": (negative_scale, ["bad.onnx", "positive", "-0.1"]),
}

Z = np.zeros((2, 64), np.int8)
INPUTS = {
    "missing": (None, ["in.npy", "No such file", "give a .npy or .npz file"]),
    "not numpy": (b"hello", ["in.npy is no .npy or .npz file", "numpy.save"]),
    "damaged archive": (b"PK\x03\x04" + b"x" * 40, ["in.npy is no .npy or .npz file", "numpy.save"]),
    "shape": (np.zeros((2, 3), np.int8), ["in.npy", "shape ('batch', 8, 8)", "not (2, 3)"]),
    "single number": (np.int8(3), ["in.npy", "shape ('batch', 8, 8)", "not ()"]),
    "fractions": (np.zeros((2, 64)), ["in.npy", "integers", "not float64"]),
    "objects": (np.array([[None] * 64]), ["in.npy is no .npy or .npz file of plain numbers"]),
    "out of range": (np.full((2, 64), 200), ["in.npy", "must lie in -128..127", "not 200"]),
    "none at all": (np.zeros((0, 64), np.int8), ["in.npy must hold at least one input", "not 0"]),
    "no images": ({"labels": np.zeros(2, int)}, ["in.npy must hold an array 'images'", "not labels"]),
    "labels too many": ({"images": Z, "labels": np.zeros(3, int)}, ["one label per image", "(2,)", "not (3,)"]),
    "labels of text": ({"images": Z, "labels": np.array(["a", "b"])}, ["labels must be integers", "not <U1"]),
    "label out of range": ({"images": Z, "labels": np.array([1, 99])}, ["labels must lie in 0..9", "not 99"]),
    "label not a list": ({"images": Z, "labels": np.int8(3)}, ["one label per image", "not ()"]),
}

# Files at hand: good.toml (a fork), other.bin + bitstream.json of the icebreaker, plain (a file, no folder).
COMMANDS = {
    "unknown-command": ("frobnicate", ["No such command 'frobnicate'"]),
    "unknown-option": ("list --frob", ["No such option: --frob"]),
    "unknown-bench": ("bench warp", ["No such command 'warp'"]),
    "missing-argument": ("generate", ["Missing argument 'config'"]),
    "missing-option": ("build mlp-digits", ["Missing option '--board'"]),
    "missing-value": ("build mlp-digits --board", ["'--board' requires an argument"]),
    "extra-argument": ("doctor now", ["unexpected extra argument", "now"]),
    "new-unknown-room": ("new nope", ["room must be one of", "fork", "not 'nope'"]),
    "new-bad-name": ("new fork --name Fork!", ["name must be lower-case letters", "not 'Fork!'"]),
    "unknown-preset": ("generate no-such", ["'no-such' is neither a file nor a preset", "presets are kjv-mlgru"]),
    "missing-config": ("generate no.toml", ["no.toml does not exist", "`gatewright new ROOM > no.toml`"]),
    "config-is-a-folder": ("generate .", ["config file .", "s a directory", "give the path of a TOML file"]),
    "out-is-a-file": ("generate good.toml --out plain", ["plain", "ot a directory", "choose a file or folder"]),
    "generate-unknown-board": ("generate good.toml --board moon", ["board moon is unknown", "icebreaker"]),
    "preset-lacks-the-board": (
        "run one-board.toml --board icebreaker", ["no settings for board 'icebreaker'", "has ulx3s"],
    ),
    "build-unknown-board": ("build mlp-digits --board moon", ["board moon is unknown", "known boards are ulx3s-85f"]),
    "build-no-accelerator": ("build good.toml --board icebreaker", ["fork has no serial port", "qnn_mlp"]),
    "build-wrong-clock": (
        "build slow.toml --board icebreaker", ["clock_hz must be 12000000", "not 25000000", "icebreaker"],
    ),
    "flash-nothing-built": (
        "flash mlp-digits --board icebreaker", ["mlp-digits.bin does not exist", "`gatewright build`"],
    ),
    "flash-missing-file": ("flash no.bit --board ulx3s-85f", ["no.bit does not exist", "`gatewright build` makes it"]),
    "flash-other-family": ("flash other.bin --board ulx3s-85f", ["other.bin must end in .bit", "--board ulx3s-85f"]),
    "flash-other-board": (
        "flash moon/x.bin --board icebreaker", ["built for board moon, not icebreaker", "build it again"],
    ),
    "flash-changed-file": ("flash other.bin --board icebreaker", ["SHA-256 differs", "build it again"]),
    "flash-sidecar-damaged": ("flash torn/x.bin --board icebreaker", ["bitstream.json can't be read", "build again"]),
    "flash-sidecar-list": ("flash list/x.bin --board icebreaker", ["must hold a JSON object, not list", "build again"]),
    "flash-sidecar-missing": (
        "flash bare/x.bin --board icebreaker", ["bitstream.json is missing", "`gatewright build`"],
    ),
    "run-count-zero": ("run mlp-digits --count 0", ["'--count'", "greater than or equal to 1"]),
    "run-count-text": ("run mlp-digits --count many", ["'--count'", "integer"]),
    "run-count-too-large": ("run mlp-digits --count 9999", ["count must lie in 1..", "not 9999"]),
    "run-show-too-large": ("run mlp-digits --count 2 --show 2", ["show must lie in 0..1", "not 2"]),
    "run-no-accelerator": ("run good.toml", ["is a room, not an accelerator", "qnn_mlp"]),
    "run-port": ("run mlp-digits --port /dev/no-such-port", ["/dev/no-such-port does not exist", "port"]),
    "verify-nothing": ("verify", ["`verify FILE`", "`verify --room NAME`", "`verify --all`"]),
    "verify-both": ("verify good.toml --room fork", ["`verify FILE`", "`verify --room NAME`"]),
    "verify-unknown-room": ("verify --room nope", ["room must be one of", "not 'nope'"]),
    "verify-count": ("verify --room fork --mutants --count 0", ["'--count'", "greater than or equal to 1"]),
    "verify-count-high": ("verify --room fork --mutants --count 2001", ["'--count'", "less than or equal to 2000"]),
    "verify-size": ("verify good.toml --size 3", ["'--size'", "greater than or equal to 4"]),
    "verify-out-is-a-file": ("verify good.toml --out plain", ["plain", "ot a directory"]),
}  # fmt: skip


def files(place):
    return {path: path.read_bytes() if path.is_file() else None for path in Path(place).rglob("*")}


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command line that must be refused; give its one line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=2):
        before = files(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gatewright", *arguments])
        assert cli.main() == status
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert said.err.endswith("\n")
        assert "Traceback" not in said.err
        assert files(tmp_path) == before
        return said.err

    return run


def must_hold(line, fragments):
    for fragment in fragments:
        assert fragment in line


@pytest.mark.parametrize("case", CONFIGS)
def test_a_bad_config_gives_one_line_and_no_files(case, refused):
    text, fragments = CONFIGS[case]
    Path("bad.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    must_hold(refused("generate", "bad.toml"), fragments)


@pytest.mark.parametrize("case", PARAMETERS)
def test_a_bad_parameter_gives_one_line_and_no_files(case, refused):
    text, fragments = PARAMETERS[case]
    room, text = text.split(":", 1)
    Path("bad.toml").write_text(f'room = "{room}"\n[parameters]\n{text}\n')
    must_hold(refused("generate", "bad.toml"), fragments)


@pytest.mark.parametrize("case", MODELS)
def test_a_bad_model_file_gives_one_line_and_no_files(case, refused):
    content, fragments = MODELS[case]
    if content == "cut":
        content = (folder() / "mlp_digits.onnx").read_bytes()[:1000]
    elif callable(content):
        content = damaged(content)
        onnx.load_model_from_string(content)  # it does parse: the refusal is the importer's
    if content is not None:
        Path("bad.onnx").write_bytes(content)
    Path("net.toml").write_text('room = "qnn_mlp"\n[parameters]\nmodel = "bad.onnx"\n')
    must_hold(refused("generate", "net.toml"), fragments)


@pytest.mark.parametrize("case", INPUTS)
def test_a_bad_input_file_gives_one_line_and_no_files(case, refused):
    content, fragments = INPUTS[case]
    with open("in.npy", "wb") as file:
        if isinstance(content, bytes):
            file.write(content)
        elif isinstance(content, dict):
            np.savez(file, **content)
        elif content is not None:
            np.save(file, content, allow_pickle=True)
    if content is None:
        Path("in.npy").unlink()
    must_hold(refused("run", "mlp-digits", "--inputs", "in.npy"), fragments)


def furnish():
    """Lay out the files that the command lines name."""
    Path("good.toml").write_text('room = "fork"\n')
    Path("plain").write_text("a file\n")
    Path("slow.toml").write_text('room = "qnn_mlp"\n[parameters]\nclock_hz = 25_000_000\n')
    Path("one-board.toml").write_text('room = "qnn_mlp"\n[board.ulx3s-85f]\ncols = 4\n')
    digest = hashlib.sha256(b"bits").hexdigest()
    about = {"board": "icebreaker", "device": "iCE40UP5K", "sha256": digest}
    sidecars = {"moon": json.dumps(about | {"board": "moon"}), "torn": '{"board": ', "list": "[]", "bare": None}
    for name, text in sidecars.items():
        Path(name).mkdir()
        Path(name, "x.bin").write_bytes(b"bits")
        if text is not None:
            Path(name, "bitstream.json").write_text(text)
    from gatewright.fpga_boards.registry import find_board

    Path("other.bin").write_bytes(b"other bits")
    Path("bitstream.json").write_text(json.dumps(about | {"device": find_board("icebreaker").part.device}))


@pytest.mark.parametrize("case", COMMANDS)
def test_a_bad_command_line_gives_one_line_and_no_files(case, refused):
    words, fragments = COMMANDS[case]
    furnish()
    must_hold(refused(*words.split()), fragments)


def test_the_table_is_long_enough():
    assert len(CONFIGS) + len(PARAMETERS) + len(MODELS) + len(INPUTS) + len(COMMANDS) >= 90


def test_an_unreadable_config_gives_one_line(refused, monkeypatch):
    def deny(path, *rest, **named):
        raise PermissionError(13, "Permission denied", str(path))

    Path("good.toml").write_text('room = "fork"\n')
    monkeypatch.setattr(Path, "read_text", deny)  # the tests may run as root, who may read everything
    must_hold(refused("generate", "good.toml"), ["good.toml can't be read: Permission denied"])


def test_an_interrupt_gives_one_line_and_status_130(refused, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    Path("good.toml").write_text('room = "fork"\n')
    monkeypatch.setattr("gatewright.gen.commands.catalogue.emit", interrupt)
    must_hold(refused("generate", "good.toml", status=130), ["interrupted"])


def test_a_process_of_its_own_behaves_the_same_on_a_narrow_terminal(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "gatewright.gen.cli", "new", "nope"], cwd=tmp_path, text=True, capture_output=True,
        env=os.environ | {"COLUMNS": "40"}, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: room must be one of ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
