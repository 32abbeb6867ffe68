# SPDX-License-Identifier: BSD-2-Clause
"""Laws that hold for every room: its folder is whole, its Verilog is clean, its grid passes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import gatewright.hw
from gatewright.gen.design import design_of, parse_design, template
from gatewright.gen.emit import generate, verilog
from gatewright.gen.registry import ROOMS
from gatewright.gen.verify import bench_design, verify
from gatewright.hw.core.errors import ConfigError
from gatewright.tb.harness.runner import WAIVERS
from gatewright.tb.tools import run_verilator, run_yosys

HOUSE = Path(gatewright.hw.__file__).parent
PARTS = ("__init__.py", "config.py", "component.py", "golden.py", "card.md")
PLAIN = [room for room in ROOMS if not room.mapping]
BIG = ("vit_core", "lm_core")  # at their defaults
# Of these only the first of a grid are quick enough.
HEAVY = {"attention": 1, "moe_engine": 1, "vit_core": 1, "moe_vit": 1, "lm_core": 2, "ternary_lm": 1,
         "lm_serial": 2, "small_lm": 1}
QUICK = 2  # of a grid; `scripts/test --slow` and `gatewright verify --room` run all
GRID = [
    pytest.param(room, index, id=f"{room.name}_{index}",
                 marks=[pytest.mark.slow] * (index >= HEAVY.get(room.name, QUICK)))
    for room in ROOMS for index in range(len(room.bench.grid))
]  # fmt: skip


def test_registry_equals_folders():
    folders = {(p.parent.parent.name, p.parent.name) for p in HOUSE.glob("*/*/component.py")}
    assert folders == {(room.wing, room.name) for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_room_is_whole(room):
    folder = HOUSE / room.wing / room.name
    missing = [part for part in PARTS if not (folder / part).exists()]
    assert not missing
    assert room.summary.endswith(".")
    assert room.bench is not None


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_parameters_say_what_they_mean(room):
    for config in {room.config, room.settings}:
        silent = [name for name, field in config.model_fields.items() if not (field.description or "").endswith(".")]
        assert not silent, f"{config.__name__}: {silent}"


@pytest.mark.parametrize("room", PLAIN, ids=lambda room: room.name)
def test_template_reads_back_as_the_defaults(room):
    import tomllib

    design = parse_design(tomllib.loads(template(room)), "template", "x")
    assert design.config == room.config()


@pytest.mark.parametrize("room", PLAIN, ids=lambda room: room.name)
def test_config_refuses_in_one_line_naming_the_room(room):
    with pytest.raises(ConfigError, match=rf"^{room.name}\.no_such_parameter is not a parameter; [^\n]*$"):
        room.config(no_such_parameter=1)


@pytest.mark.parametrize(("room", "index"), GRID)
def test_grid_equals_golden(room, index, tmp_path):
    row = verify(bench_design(room, f"{room.name}_{index}", **room.bench.grid[index]), tmp_path)
    assert row.outcome.ok, row.outcome.messages
    assert row.outcome.total["taken"] > 0
    assert row.outcome.total["resets"] > 0


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    """Every room once, at its defaults."""
    folder = tmp_path_factory.mktemp("emitted")
    designs = {room.name: design_of(room.name) for room in PLAIN}
    for design in designs.values():
        generate(design, folder / design.name)
    return folder, designs


@pytest.mark.parametrize(
    "room",
    [pytest.param(room, id=room.name, marks=[pytest.mark.slow] * (room.name in BIG)) for room in PLAIN],
)
def test_verilog_is_clean_in_three_tools(room, emitted, tmp_path):
    folder, designs = emitted
    design = designs[room.name]
    shutil.copy(folder / design.name / f"{design.top}.v", tmp_path / f"{design.top}.v")
    check_verilog(tmp_path, f"{design.top}.v", design.top)


def check_verilog(folder, file, top):
    """Lint with Verilator, read with Yosys, compile with Icarus."""
    waived = ["-Wno-UNUSEDSIGNAL", "-Wno-DECLFILENAME"]
    run_verilator(["--lint-only", "-Wall", *WAIVERS, *waived, "--top-module", top, file], folder)
    run_yosys(f"read_verilog {file}\nhierarchy -check -top {top}\nproc\ncheck -assert\n", folder)
    if shutil.which("iverilog") is None:
        pytest.skip("iverilog is not installed")
    command = ["iverilog", "-g2005", "-Wall", "-Wno-timescale", "-o", "design.vvp", "-s", top, file]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", PLAIN, ids=lambda room: room.name)
def test_same_input_gives_the_same_bytes_and_no_path(room, emitted):
    folder, designs = emitted
    design = designs[room.name]
    first = (folder / design.name / f"{design.top}.v").read_text()
    assert verilog(design_of(room.name)) == first
    assert not re.search(r"/(home|root|tmp|work|usr|build)/|site-packages", first)
    assert str(Path.cwd()) not in first
