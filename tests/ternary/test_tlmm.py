# SPDX-License-Identifier: BSD-2-Clause
"""The ternary engine's codes, tables, widths and timing; its golden model against plain matrix products."""

from itertools import product

import numpy as np
import pytest

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import Beats
from gatewright.hw.ternary.packing.names import find_packing
from gatewright.hw.ternary.tlmm.codes import decode, encode
from gatewright.hw.ternary.tlmm.config import TlmmConfig
from gatewright.hw.ternary.tlmm.golden import golden
from gatewright.hw.ternary.tlmm.plan import entries
from gatewright.tb.ternary.tb_tlmm import BENCH

METHODS = ("select", "fold", "half", "full", "bitplane")
TABLES = [(method, group) for method in ("half", "full", "bitplane") for group in (2, 3, 4, 5)]
CONFIGS = [*BENCH.grid, *BENCH.mutations]


def all_groups(group: int) -> np.ndarray:
    return np.array(list(product((-1, 0, 1), repeat=group)))


def play(config: TlmmConfig, w: np.ndarray, x: np.ndarray) -> tuple[dict[str, Beats], np.ndarray]:
    """Cut a matrix and vectors, the rows of ``x``, into beats; give them and the answer in the shape of ``x @ w.T``."""
    outputs, terms = w.shape
    blocks, sweep = terms // config.block, outputs // config.outputs_per_cycle
    shape = (sweep, config.outputs_per_cycle, blocks, config.groups, config.group)
    codes = encode(config, w.reshape(shape).transpose(2, 0, 1, 3, 4))
    inputs = {
        "i_x": {
            "x": x.reshape(-1, blocks, config.groups, config.group).swapaxes(0, 1),
            "last": np.eye(blocks, dtype=int)[-1],
        },
        "i_w": {
            "code": codes.reshape(-1, config.outputs_per_cycle, config.groups),
            "last": np.tile(np.eye(sweep, dtype=int)[-1], blocks),
        },
    }
    return inputs, golden(config, inputs)["o"]["y"].swapaxes(0, 1).reshape(-1, outputs)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("group", [2, 3, 4, 5])
def test_codes_round_trip(method, group):
    config = TlmmConfig(method=method, group=group)
    trits = all_groups(group)
    codes = encode(config, trits)
    assert codes.min() >= 0
    assert codes.max() < 1 << config.code_bits
    np.testing.assert_array_equal(decode(config, codes), trits)


@pytest.mark.parametrize(
    ("method", "group", "packing"),
    [("half", 3, "tl2"), ("full", 2, "base3_g2"), ("full", 3, "base3_g3"), ("full", 5, "base3_g5"),
     ("fold", 1, "two_bit_signed")],
)  # fmt: skip
def test_codes_are_the_public_packings(method, group, packing):
    config, known = TlmmConfig(method=method, group=group), find_packing(packing)
    codes = encode(config, all_groups(group)).astype(np.uint8)
    np.testing.assert_array_equal(known.decode(codes).reshape(-1, group), all_groups(group))


@pytest.mark.parametrize(("method", "group"), TABLES)
def test_walk_writes_what_the_codes_mean(method, group):
    config = TlmmConfig(method=method, group=group)
    x = np.random.default_rng(2).integers(-128, 128, group)
    table = np.zeros(1 << config.address_bits, np.int64)
    total, written = 0, []
    for step in config.walk:
        total += (-1 if step.negate else 1) * int(x[step.element]) * (2 if step.double else 1)
        if step.address is not None:
            table[step.address] = total
            written.append(step.address)
    assert len(set(written)) == len(written) == config.writes
    codes = np.arange(1 << config.code_bits)
    wide = config.address_bits + (method != "full")
    fields = [codes >> wide * reader & (1 << wide) - 1 for reader in range(config.readers)]
    values = [table[field & (1 << config.address_bits) - 1] for field in fields]
    if method != "full":
        values = [
            np.where(field >> config.address_bits, -value, value) for field, value in zip(fields, values, strict=True)
        ]
    np.testing.assert_array_equal(sum(values) // config.readers, decode(config, codes) @ x)


@pytest.mark.parametrize("group", [2, 3, 4, 5, 6])
def test_half_and_mirrored_entries_start_with_a_plus(group):
    # On this rests that the inverse of an entry needs no bit more than the entry.
    for method in ("half", "bitplane"):
        for weights, _ in entries(method, group):
            assert next(weight for weight in weights if weight) == 1


@pytest.mark.parametrize("act_bits", [4, 8, 16])
@pytest.mark.parametrize("terms", [1, 2, 3, 5, 24, 84, 2560, 6912])
def test_no_sum_overflows_its_width(act_bits, terms):
    config = TlmmConfig(act_bits=act_bits)
    low, high = -(1 << (act_bits - 1)), (1 << (act_bits - 1)) - 1
    # Intervals of a term, of an inverted term that lacks its carry, and of their sums.
    exact = (terms * low, terms * -low)
    lacking = (terms * low, terms * max(high, ~low) + terms - 1)
    for (least, most), bits in ((exact, config.sum_bits(terms)), (lacking, config.part_bits(terms))):
        assert -(1 << (bits - 1)) <= least
        assert most <= (1 << (bits - 1)) - 1
        assert most > (1 << (bits - 2)) - 1  # and no bit too many


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("outputs", "blocks"), [(1, 1), (1, 4), (6, 1), (12, 5)])
@pytest.mark.parametrize("fill", ["random", "plus", "minus", "zero", "extreme"])
def test_golden_is_the_matrix_product(method, outputs, blocks, fill):
    per_cycle = 1 if outputs == 1 else 3
    config = TlmmConfig(method=method, group=3, groups=2, outputs_per_cycle=per_cycle, blocks_max=5, vectors=2)
    rng = np.random.default_rng(4)
    w = rng.integers(-1, 2, (outputs, blocks * config.block))
    x = rng.integers(-128, 128, (2, blocks * config.block))
    if fill in ("plus", "minus", "zero"):
        w[:] = {"plus": 1, "minus": -1, "zero": 0}[fill]
    if fill == "extreme":
        x[:] = np.where(rng.random(x.shape) < 0.5, -128, 127)
    inputs, y = play(config, w, x)
    np.testing.assert_array_equal(y, x @ w.T)
    port = config.inputs[1]
    np.testing.assert_array_equal(port.unpack(port.pack(inputs["i_w"]))["code"], inputs["i_w"]["code"])


@pytest.mark.parametrize("method", METHODS)
def test_the_greatest_sum_fits(method):
    config = TlmmConfig(method=method, group=2, groups=2, outputs_per_cycle=1, blocks_max=4, act_bits=4)
    w, x = -np.ones((1, 16), np.int64), np.full((1, 16), -8)
    _, y = play(config, w, x)
    assert y.tolist() == [[128]]
    assert config.acc_bits == 9


@pytest.mark.parametrize(
    ("outputs", "terms", "per_cycle"), [(1536, 1536, 4), (4096, 1536, 8), (1536, 4096, 4), (6912, 2560, 16)]
)
def test_utilisation_on_bitnet_shapes(outputs, terms, per_cycle):
    config = TlmmConfig(method="half", groups=32, outputs_per_cycle=per_cycle, sweep_max=2048, blocks_max=64)
    blocks, sweep = -(-terms // config.block), outputs // per_cycle
    last = np.tile(np.arange(sweep) == sweep - 1, blocks)
    cycles = config.cycles({"i_x": {"last": np.eye(blocks)[-1]}, "i_w": {"last": last}})
    assert outputs * terms / (config.block * per_cycle) / cycles >= 0.95


REFUSED = [
    ({"method": "magic"}, "tlmm.method must be one of select, fold, half, full, bitplane, not 'magic'"),
    ({"group": 1}, "tlmm.group must lie in 2..6 for method half, not 1"),
    ({"method": "full", "group": 7}, "tlmm.group must lie in 2..6 for method full, not 7"),
    ({"method": "fold", "overlap": True}, "tlmm.overlap must be false for method fold, not True"),
    ({"groups": 0}, "tlmm.groups must lie in 1..128, not 0"),
]


@pytest.mark.parametrize(("values", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_a_config_refuses_with_field_rule_and_value(values, line):
    with pytest.raises(ConfigError) as caught:
        TlmmConfig(**values)
    assert str(caught.value) == line


@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_stimulus_keeps_the_rules_of_the_ports(values):
    config = TlmmConfig(**values)
    for kind in ("random", "corners"):
        inputs = BENCH.stimulus(config, np.random.default_rng(1), kind, 60)
        sweeps = np.diff(np.flatnonzero(inputs["i_w"]["last"]), prepend=-1)
        blocks = np.diff(np.flatnonzero(inputs["i_x"]["last"]), prepend=-1)
        assert sweeps.max() <= config.sweep_max
        assert blocks.max() <= config.blocks_max
        assert len(sweeps) == blocks.sum()
