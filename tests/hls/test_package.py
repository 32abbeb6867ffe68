# SPDX-License-Identifier: BSD-2-Clause
"""What `generate --hls` writes, and what it refuses."""

import importlib.util

import pytest
from tests.hls.needs import HAS_HEADERS, needs_headers

from gatewright.gen import cli
from gatewright.gen.design import design_of, template
from gatewright.gen.files import replace_tree
from gatewright.gen.hls import csim, package
from gatewright.gen.registry import find_room
from gatewright.hls_kernels.catalogue import MODULES, kernel_of
from gatewright.hls_kernels.emit_cpp import cpp
from gatewright.hw.core.errors import ConfigError, ToolError


@pytest.fixture
def folder(tmp_path):
    if not HAS_HEADERS:
        pytest.skip("no open ap_int.h: pip install gatewright[hls]")
    replace_tree(tmp_path / "hls", package.package(design_of("gated"), 50))
    return tmp_path / "hls"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command; give its status and what it said on both channels."""

    def command(*arguments):
        monkeypatch.setattr("sys.argv", ["gatewright", *arguments])
        return cli.main(), capsys.readouterr()

    return command


def lacks(monkeypatch, name):
    """Let a package be missing."""
    found = importlib.util.find_spec

    def find(wanted, *rest):
        return None if wanted == name else found(wanted, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", find)


def write_config(tmp_path, room):
    path = tmp_path / f"{room}.toml"
    path.write_text(template(find_room(room)))
    return str(path)


def test_equal_designs_give_equal_packages():
    assert package.package(design_of("rope", head_dim=4), 20) == package.package(design_of("rope", head_dim=4), 20)


@pytest.mark.parametrize(("elements", "frames"), [(2, 1000), (4096, 81)])
def test_large_frames_are_fewer(elements, frames):
    kernel = kernel_of(design_of("norm", elements=elements).config)
    assert package.frames_for(kernel) == frames
    assert frames * 3 * elements <= package.NUMBERS


@pytest.mark.parametrize("room", MODULES)
def test_every_default_has_a_kernel_whose_statements_both_languages_can_say(room):
    design = design_of(room)
    kernel = kernel_of(design.config)
    assert kernel.room == room
    assert {field.name for field in kernel.outputs} == set(kernel.results)


def test_the_testbench_passes_and_counts(folder):
    assert csim.simulate(folder, "gated") == (50, 50)
    assert not list(folder.glob("csim.*"))


def test_the_testbench_finds_a_wrong_vector(folder):
    lines = (folder / "vectors.dat").read_text().splitlines()
    values = lines[7].split()
    values[-1] = str(int(values[-1]) ^ 1)
    lines[7] = " ".join(values)
    (folder / "vectors.dat").write_text("\n".join(lines) + "\n")
    assert csim.simulate(folder, "gated") == (49, 50)


def test_the_testbench_finds_a_changed_constant(folder):
    source = (folder / "gated.hpp").read_text()
    assert "(127)" in source
    (folder / "gated.hpp").write_text(source.replace("(127)", "(126)"))
    equal, frames = csim.simulate(folder, "gated")
    assert equal < frames


def test_half_a_frame_is_an_error(folder):
    text = (folder / "vectors.dat").read_text()
    (folder / "vectors.dat").write_text(text.rstrip().rpartition(" ")[0])
    with pytest.raises(ToolError, match="ends in the middle of a frame"):
        csim.simulate(folder, "gated")


def test_no_vectors_are_no_success(folder):
    (folder / "vectors.dat").write_text("")
    assert csim.simulate(folder, "gated") == (0, 0)


@needs_headers
def test_generate_writes_the_package_and_says_what_was_done(tmp_path, run):
    status, said = run("generate", write_config(tmp_path, "rope"), "--hls", "--out", str(tmp_path / "out"))
    assert status == 0
    said = said.out
    assert "1000 of 1000 frames equal" in said
    assert "no vendor's tool was run" in said
    made = {path.name for path in (tmp_path / "out" / "rope" / "hls").iterdir()}
    assert {"rope.hpp", "rope_top.cpp", "rope_top.hpp", "rope_tb.cpp", "rope.x", "run_hls.tcl", "vectors.dat"} <= made
    assert "not synthesised by a vendor's tool" in (tmp_path / "out" / "rope" / "hls" / "README.md").read_text()


def test_without_the_headers_the_package_is_written_all_the_same(tmp_path, run, monkeypatch):
    lacks(monkeypatch, "hls4ml")
    status, said = run("generate", write_config(tmp_path, "rope"), "--hls", "--out", str(tmp_path / "out"))
    assert status == 0
    assert "not C-simulated: ap_int.h was not found; install it with" in said.out
    assert (tmp_path / "out" / "rope" / "hls" / "rope.hpp").exists()


@needs_headers
@pytest.mark.parametrize(
    ("was", "now", "line"), [("(127)", "(126)", "frames differ"), ("ap_int.h", "no.h", "g++ failed")]
)
def test_a_package_that_fails_is_not_written(tmp_path, run, monkeypatch, was, now, line):
    monkeypatch.setattr(package, "cpp", lambda kernel: cpp(kernel).replace(was, now))
    status, said = run("generate", write_config(tmp_path, "gated"), "--hls", "--out", str(tmp_path / "out"))
    assert status != 0
    assert line in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "out" / "gated" / "hls").exists()


def test_without_xls_its_verilog_is_refused_in_one_line(tmp_path, run, monkeypatch):
    lacks(monkeypatch, "xls")
    status, said = run("generate", write_config(tmp_path, "rope"), "--xls", "--out", str(tmp_path / "out"))
    assert status == 2
    assert said.err.strip() == "error: XLS was not found; install it with `pip install gatewright[hls]`"
    assert not (tmp_path / "out" / "rope" / "hls").exists()


def test_a_room_without_a_kernel_is_refused_before_anything_is_written(tmp_path, run):
    status, said = run("generate", write_config(tmp_path, "fifo"), "--hls", "--out", str(tmp_path / "out"))
    assert status == 2
    assert "error: room fifo has no HLS kernel; rooms that do are activation," in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("room", "parameters", "line"),
    [
        ("softmax", {"mask": "keep"}, "softmax.mask must be none for an HLS kernel, not keep"),
        ("softmax", {"algorithm": "base2"}, "softmax.algorithm must be exact or online for an HLS kernel, not base2"),
        ("norm", {"output": "dynamic"}, "norm.output must be static for an HLS kernel, not dynamic"),
        ("ternary_matvec", {"vectors": 2}, "ternary_matvec.vectors must be 1 for an HLS kernel, not 2"),
    ],
)
def test_what_a_kernel_lacks_is_one_line(room, parameters, line):
    with pytest.raises(ConfigError) as error:
        kernel_of(design_of(room, **parameters).config)
    assert str(error.value) == line
