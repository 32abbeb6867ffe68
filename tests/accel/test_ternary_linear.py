# SPDX-License-Identifier: BSD-2-Clause
"""The ternary accelerator: answers worked out by hand, loaded weights, refusals, and runs through the UART pins."""

import json

import numpy as np
import pytest

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.board import synthesis_of
from gatewright.gen.commands.models import verdict_json
from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.gen.presets import load_design
from gatewright.gen.run import classify, simulate, task_of
from gatewright.hw.accel.served_golden import replies
from gatewright.hw.accel.ternary_core.config import TernaryCoreConfig, rows_of
from gatewright.hw.accel.ternary_core.golden import golden as run_core
from gatewright.hw.accel.ternary_core.golden import matrix_of
from gatewright.hw.accel.ternary_core.words import load_payloads
from gatewright.hw.accel.ternary_linear.config import TernaryLinearConfig
from gatewright.hw.core.errors import ConfigError, ModelError

SHAPE = {"in_features": 4, "out_features": 2, "groups": 1, "outputs_per_cycle": 2}
SMALL = {"in_features": 24, "out_features": 10, "groups": 2, "outputs_per_cycle": 4, "clock_hz": 4_000_000}
FOLD = {"method": "fold", "group": 5, "packing": "escape_g5", "lanes": 2}


def served(**core):
    return TernaryLinearConfig(clock_hz=12_000_000, core=TernaryCoreConfig(**SHAPE | core))


def test_run_gives_sums_of_32_bits_and_the_cycle_count():
    config = served(weights=("+-0+", "----"))
    got = replies(config, run_core, [bytes((2, 9, 1, 2, 3, 0x80))])[0]
    sums = [(1 - 2 - 128), -(1 + 2 + 3 - 128)]
    body = b"".join(value.to_bytes(4, "little", signed=True) for value in sums)
    assert got == bytes((0x82, 9, 0)) + body + config.core.run_cycles.to_bytes(4, "little")


def test_load_is_unknown_where_weights_are_constant():
    assert replies(served(weights=("0000", "0000")), run_core, [bytes((3, 7, 0, 0, 0, 0))]) == [bytes((0x83, 7, 1))]


@pytest.mark.parametrize("store", ["block", "spram"])
def test_loads_count_down_and_a_run_before_the_last_gives_no_sums(store):
    config = served(store=store, weights=(), method="fold", group=2)
    matrix = np.array([[1, -1, 0, 1], [-1, -1, -1, -1]])
    loads = [bytes((3, index)) + part for index, part in enumerate(load_payloads(config.core, matrix))]
    run = bytes((2, 9, 1, 2, 3, 0x80))
    assert config.served.loads == len(loads)
    got = replies(config, run_core, [run, *loads, run, loads[0], run])
    counts = [bytes((0x83, index, 0)) + (len(loads) - 1 - index).to_bytes(4, "little") for index in range(len(loads))]
    none = bytes((0x82, 9, 0, 0, 0, 0, 0))
    sums = replies(served(weights=rows_of(matrix)), run_core, [run])[0][3:11]
    assert got[: 1 + len(loads)] == [none, *counts]
    assert got[1 + len(loads)][3:11] == sums
    assert got[-1] == (none if len(loads) > 1 else got[1 + len(loads)])


@pytest.mark.parametrize("how", [{}, FOLD, {"method": "fold", "group": 5, "packing": "base3_g5"}, {"method": "full"}])
def test_octets_of_loads_read_back_as_the_matrix(how):
    core = TernaryCoreConfig(in_features=24, out_features=7, groups=2, store="block", weights=(), **how)
    matrix = np.random.default_rng(1).integers(-1, 2, (7, 24))
    assert (matrix_of(core, b"".join(load_payloads(core, matrix))) == matrix).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weights": ("+-0+",)}, r"^ternary_core\.weights must hold 2 rows, not 1$"),
        ({"weights": ("+-0", "+-0+")}, r"^ternary_core\.weights\[0\] must have 4 trits, not 3$"),
        ({"weights": ("+-0+", "+-x+")}, r"^ternary_core\.weights\[1\] must hold only -, 0 and \+, not 'x'$"),
        ({"lanes": 3}, r"^ternary_core\.lanes must be a power of two, not 3$"),
        ({"lanes": 8}, r"^ternary_core\.lanes must divide in_features = 4, not 8$"),
        ({"lanes": 2}, r"^ternary_matvec\.lanes must divide a block, group \* groups = 3, not 2$"),
    ],
)
def test_core_refuses(values, message):
    with pytest.raises(ConfigError, match=message):
        TernaryCoreConfig(**SHAPE | {"weights": ("0000", "0000")} | values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r'^ternary_linear\.weights must be "random" or name a file, not \'w\.npy\': there is none .*$'),
        (np.zeros((2, 4)), r"^weights file \S*w\.npy must hold integers of shape \(outputs, inputs\), not float64 .*$"),
        (np.zeros((3, 4), np.int8), r"^weights file \S*w\.npy has 3 outputs and 4 inputs, not 2 and 4; set .*$"),
        (np.full((2, 4), 2, np.int8), r"^weights file \S*w\.npy must hold only -1, 0 and 1, not 2$"),
    ],
)
def test_mapping_refuses_a_file(content, message, tmp_path):
    if content is not None:
        np.save(tmp_path / "w.npy", content)
    with pytest.raises((ConfigError, ModelError), match=message):
        design_of("ternary_linear", None, tmp_path, weights="w.npy", **SHAPE)


def test_mapping_reads_a_file_and_carries_it_along(tmp_path):
    matrix = np.array([[1, 0, -1, 1], [0, 0, -1, -1]], np.int8)
    np.savez(tmp_path / "w.npz", matrix)
    design = design_of("ternary_linear", None, tmp_path, weights="w.npz", **SHAPE)
    assert (design.config.core.matrix == matrix).all()
    assert design.assets["w.npz"] == (tmp_path / "w.npz").read_bytes()


@pytest.mark.parametrize("how", [{}, {"store": "spram", **FOLD}])
def test_rtl_gives_the_golden_sums_through_its_uart(how, tmp_path):
    design = design_of("ternary_linear", "small", tmp_path, **SMALL | how)
    task = task_of(design)
    verdict = classify(design, task, simulate(design, tmp_path), len(task.codes))
    assert verdict.exact
    assert (verdict.outputs == task.codes @ expected_matrix(design).T).all()
    report = verdict_json("small", None, task, verdict)
    assert json.dumps(report)
    assert report["macs_per_cycle"] == pytest.approx(240 / verdict.cycles, abs=1e-3)


def expected_matrix(design):
    return np.random.default_rng(design.settings.seed).integers(
        -1, 1, (design.settings.out_features, design.settings.in_features), np.int8, endpoint=True
    )


def test_presets_meet_what_they_promise():
    """A million weights and 512 multiplications a cycle on ECP5; all of a UP5K's one-port RAM, read each cycle."""
    core = load_design("ternary-linear", "ulx3s-85f").config.core
    assert core.macs >= 1_000_000
    assert core.macs / core.run_cycles >= 512
    core = load_design("ternary-linear", "icebreaker").config.core
    assert core.weight_store.width == 64
    assert core.words <= 16384
    assert core.macs / core.run_cycles >= 0.99 * core.macs_per_cycle


def test_synthesis_fits_the_family():
    options = synthesis_of(load_design("ternary-linear", "icebreaker"), find_board("icebreaker"))
    assert options.spram
    assert not options.rw_check
    options = synthesis_of(load_design("ternary-linear", "tang-nano-9k"), find_board("tang-nano-9k"))
    assert not options.spram
    assert not options.carry_luts


AUTO = {"method": "auto", "in_features": 96, "out_features": 1600, "lanes": 1}


def test_auto_takes_the_cheapest_method_of_the_family_and_says_why(tmp_path):
    for family, engine_rams, method, storage in (("ecp5", 8, "half", "distributed"), ("ice40", 8, "fold", None)):
        design = design_of("ternary_linear", **AUTO, family=family, engine_rams=engine_rams)
        core = design.config.core
        assert core.method == method
        assert core.storage == storage or storage is None
        (note,) = generate(design, tmp_path / family)["notes"]
        assert note.startswith(f"method: {method}")
        assert family in note
        assert "next" in note
        assert core.group * core.groups * core.outputs_per_cycle >= 96  # as many weights a cycle as asked for


def test_auto_spends_block_rams_if_it_may():
    core = design_of("ternary_linear", **AUTO, engine_rams=64).config.core
    assert (core.method, core.storage) == ("half", "block")


def test_auto_without_block_rams_is_refused():
    with pytest.raises(ConfigError, match=r"^ternary_linear\.engine_rams must hold the sums between blocks, not 0: "):
        design_of("ternary_linear", **AUTO, engine_rams=0)
