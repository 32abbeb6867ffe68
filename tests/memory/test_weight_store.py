# SPDX-License-Identifier: BSD-2-Clause
"""The weight store refuses, plays what its golden model says, and lands in the memories that it is meant for."""

import random

import numpy as np
import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.gen.flow.netlist_check import check_netlist
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.memory.weight_store.config import WeightStoreConfig
from gatewright.hw.memory.weight_store.golden import golden
from gatewright.hw.ternary.store import KINDS, plan_store

SPRAM = SynthOptions(spram=True, device=("-device", "u"))
FOUR_SPRAM = {"width": 64, "depth": 16384, "source": "loaded", "load_bits": 16, "memory": "single_port"}


def words(depth, width):
    source = random.Random(7)
    return tuple(source.getrandbits(width) for _ in range(depth))


def plays(*commands):
    return dict(zip(("first", "count", "times"), np.array(commands, np.int64).reshape(-1, 3).T, strict=True))


def loaded(*packets):
    last = np.concatenate([[0] * (len(packet) - 1) + [1] for packet in packets])
    return {"data": np.concatenate(packets), "last": last}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"source": "loaded", "width": 20, "load_bits": 8}, "load_bits must divide width = 20, not 8"),
        ({"memory": "single_port"}, "memory must be block for constant contents, not 'single_port'"),
        ({"depth": 2, "contents": (1, 2, 3)}, "contents must hold at most depth = 2 words, not 3"),
        ({"width": 4, "contents": (3, 16)}, r"contents\[1\] must lie in 0..2\*\*4 - 1, not 16; widen it with width"),
        ({"contents": (-1,)}, r"contents\[0\] must lie in 0..2\*\*16 - 1, not -1"),
        ({"load_bits": 65}, "load_bits must lie in 1..64, not 65"),
        ({"source": "stream"}, "source must be one of constant, loaded, not 'stream'"),
    ],
)
def test_refuses(values, line):
    with pytest.raises(ConfigError, match=rf"^weight_store\.{line}"):
        WeightStoreConfig(**values)


def test_constant_words_play_in_order_with_last_at_each_row():
    config = WeightStoreConfig(depth=6, width=4, contents=(9, 8, 7, 6, 5))
    out = golden(config, {"i_play": plays((0, 2, 3), (4, 1, 1))})["o"]
    assert out["data"].tolist() == [9, 8, 7, 6, 5, 0, 5]
    assert out["last"].tolist() == [0, 1, 0, 1, 0, 1, 1]


def test_a_load_fills_columns_lowest_first_and_a_later_one_starts_at_word_0():
    config = WeightStoreConfig(depth=2, width=72, source="loaded", load_bits=24)
    load = loaded([1, 2, 3, 4, 5, 6], [7, 8])
    out = golden(config, {"i_load": load, "i_play": plays((0, 2, 1))})["o"]
    assert out["data"].tolist() == [7 | 8 << 24 | 3 << 48, 4 | 5 << 24 | 6 << 48]


def test_plays_wait_for_the_end_of_a_load():
    config = WeightStoreConfig(depth=1, width=8, source="loaded", load_bits=8)
    load = {"data": np.array([5]), "last": np.array([0])}
    assert not len(golden(config, {"i_load": load, "i_play": plays((0, 1, 1))})["o"]["data"])


@pytest.mark.parametrize(("register", "latency"), [(True, 3), (False, 2)])
def test_timing_is_a_word_per_cycle_behind_the_loads(register, latency):
    inputs = {"i_play": plays((0, 4, 3), (1, 1, 1)), "i_load": loaded([0] * 32, [0] * 5)}
    constant = WeightStoreConfig(output_register=register)
    assert (constant.latency, constant.delay(inputs), constant.cycles(inputs)) == (latency, latency, latency + 13)
    store = WeightStoreConfig(source="loaded", output_register=register)
    assert (store.delay(inputs), store.cycles(inputs)) == (latency + 37, latency + 50)


def test_only_constant_words_are_in_the_verilog():
    text = verilog(design_of("weight_store", "constant"))
    assert "table_0[15] = 16'he1e1;" in text
    assert "table_0[" not in verilog(design_of("weight_store", "loaded", source="loaded")).split("always")[0]


def mapped(folder, family, options, **values):
    design = design_of("weight_store", "store", **values)
    (folder / "design.v").write_text(verilog(design))
    return design, synthesise([folder / "design.v"], design.top, family, folder, options)


def planned(width, depth):
    """Blocks that the planner takes for as many words of as many bits: here a code is a column of nine."""
    return plan_store(
        KINDS["EBR"], [(width // 9, depth)], group=1, groups=width // 9, outputs_per_cycle=1, code_bits=9
    ).blocks


@pytest.mark.parametrize(
    ("width", "depth", "more"),
    [
        (72, 512, {"contents": words(512, 72)}),
        (36, 1000, {"contents": words(1000, 36)}),
        (72, 512, {"source": "loaded", "load_bits": 36}),
        (36, 1000, {"source": "loaded", "load_bits": 18}),
        pytest.param(900, 500, {"source": "loaded", "load_bits": 36}, marks=pytest.mark.slow),
    ],
)
def test_ecp5_keeps_the_words_in_as_many_blocks_as_planned(width, depth, more, tmp_path):
    _, result = mapped(tmp_path, "ecp5", SynthOptions(), width=width, depth=depth, **more)
    assert result.counts["BRAM"] == planned(width, depth)
    assert "DPR16X4" not in result.counts
    assert result.counts["FF"] < width + 70
    assert result.counts["LUTeq"] < 160 + 2 * width // more.get("load_bits", width)


def test_ice40_keeps_words_of_64_bits_in_four_sprams(tmp_path):
    _, result = mapped(tmp_path, "ice40", SPRAM, **FOUR_SPRAM)
    assert result.cells["SB_SPRAM256KA"] == 4
    assert "BRAM" not in result.counts
    assert result.counts["LUTeq"] < 190
    assert "-spram" in result.flags


def drive(config, cycles):
    """Load everything, then play at random while short loads come now and then; the store sees no X."""
    rng = np.random.default_rng(5)
    whole = config.depth * config.columns if config.loaded else 0
    begin = 2 + whole
    command = [
        int(first) | int(count) << config.address_bits | int(times) << (config.address_bits + config.count_bits)
        for first, count, times in zip(
            rng.integers(0, config.depth, cycles), rng.integers(1, 9, cycles), rng.integers(1, 4, cycles), strict=True
        )
    ]
    pins = {
        "rst": np.arange(cycles) < 2,
        "i_play__valid": rng.random(cycles) < 0.3,
        "i_play__payload": np.array(command, object),
        "o__ready": rng.random(cycles) < 0.8,
    }
    if config.loaded:
        last = np.zeros(cycles, np.int64)
        last[begin - 1] = 1
        last[begin:] = rng.random(cycles - begin) < 0.1
        pins["i_load__payload"] = rng.integers(0, 1 << config.load_bits, cycles) | last << config.load_bits
        pins["i_load__valid"] = np.r_[[False] * 2, [True] * whole, rng.random(cycles - begin) < 0.05]
    return {name: np.asarray(value).astype(object if value.dtype == object else int) for name, value in pins.items()}


@pytest.mark.parametrize(
    ("family", "options", "values", "cycles"),
    [
        ("ecp5", SynthOptions(), {"width": 36, "depth": 500, "contents": words(500, 36)}, 20_000),
        pytest.param(
            "ecp5", SynthOptions(), {"width": 36, "depth": 300, "source": "loaded", "load_bits": 9}, 20_000,
            marks=pytest.mark.slow,
        ),
        pytest.param("ice40", SPRAM, FOUR_SPRAM, 100_000, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_netlist_loads_and_plays_as_the_rtl_does(family, options, values, cycles, tmp_path):
    design, result = mapped(tmp_path, family, options, **values)
    found = check_netlist(
        tmp_path / "design.v", result.json_netlist, design.top, family, tmp_path / "check", cycles=cycles,
        drive=drive(design.config, cycles),
    )  # fmt: skip
    assert found.mismatches == 0
    assert found.outputs_moved == found.outputs_compared


@pytest.mark.slow
def test_words_of_900_bits_elaborate(tmp_path):
    text = verilog(design_of("weight_store", "big", depth=2000, width=900, contents=words(2000, 900)))
    assert text.count("table_0[") > 2000
