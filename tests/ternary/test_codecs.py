# SPDX-License-Identifier: BSD-2-Clause
"""Trit decoder and encoder: goldens against the packings, and the logic of every packing on all its inputs."""

from itertools import product

import numpy as np
import pytest
from amaranth import Cat, Module, Signal
from amaranth.sim import Simulator

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.ternary.packing import GROUP_PACKINGS
from gatewright.hw.ternary.trit_decode.config import TritDecodeConfig
from gatewright.hw.ternary.trit_decode.decoders import decoder
from gatewright.hw.ternary.trit_decode.golden import golden as decode_golden
from gatewright.hw.ternary.trit_encode.config import TritEncodeConfig
from gatewright.hw.ternary.trit_encode.encoders import encoder
from gatewright.hw.ternary.trit_encode.golden import golden as encode_golden

NAMES = tuple(GROUP_PACKINGS)


def decoded(name, groups=1):
    """Golden trits and flags of all codes of a packing, and the codes."""
    config = TritDecodeConfig(packing=name, groups=groups)
    codes = np.arange(1 << config.code.code_bits).repeat(groups).reshape(-1, groups)
    out = decode_golden(config, {"i": {"code": codes, "last": np.zeros(len(codes), np.int64)}})["o"]
    return codes, out["trit"], out["invalid"]


def outputs(m, inputs, output, count):
    """Give the output of combinational logic for the inputs 0, 1, ... count - 1."""
    found = []

    async def bench(ctx):
        for value in range(count):
            ctx.set(inputs, value)
            found.append(ctx.get(output))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    return np.array(found)


def as_patterns(trits):
    """Pack trits as hardware sees them, two bits each, into one integer a row."""
    return (np.asarray(trits, np.int64) & 3) @ (4 ** np.arange(trits.shape[-1], dtype=np.int64))


@pytest.mark.parametrize("name", NAMES)
def test_golden_decodes_as_the_packing_does(name):
    packing = GROUP_PACKINGS[name]
    codes, trits, invalid = decoded(name)
    np.testing.assert_array_equal(np.flatnonzero(invalid), packing.undefined_codes)
    defined = invalid == 0
    np.testing.assert_array_equal(trits[defined], packing.decode(codes[defined]).reshape(-1, packing.group))


@pytest.mark.parametrize("name", NAMES)
def test_no_code_gives_a_trit_outside_minus_one_to_one(name):
    _, trits, invalid = decoded(name)
    assert set(np.unique(trits)) <= {-1, 0, 1}
    if not name.startswith("escape"):
        assert not trits[invalid == 1].any()


@pytest.mark.parametrize("name", NAMES)
def test_golden_encode_undoes_golden_decode(name):
    codes, trits, invalid = decoded(name, groups=3)
    defined = invalid == 0
    config = TritEncodeConfig(packing=name, groups=3)
    out = encode_golden(config, {"i": {"trit": trits[defined], "last": invalid[defined]}})["o"]
    np.testing.assert_array_equal(out["code"], codes[defined])
    assert not out["invalid"].any()


@pytest.mark.parametrize("name", NAMES)
def test_decoding_logic_equals_golden_on_every_code(name):
    packing = GROUP_PACKINGS[name]
    m, code, result = Module(), Signal(packing.code_bits), Signal(2 * packing.group + 1)
    trits, undefined = decoder(packing)(m, packing, code, "group")
    m.d.comb += result.eq(Cat(trits, undefined))
    assert len(trits) == 2 * packing.group
    _, expected, invalid = decoded(name)
    found = outputs(m, code, result, 1 << packing.code_bits)
    np.testing.assert_array_equal(found, as_patterns(expected) + (invalid << 2 * packing.group))


@pytest.mark.parametrize("name", NAMES)
def test_encoding_logic_equals_golden_on_every_group(name):
    packing = GROUP_PACKINGS[name]
    m, group, result = Module(), Signal(2 * packing.group), Signal(packing.code_bits)
    m.d.comb += result.eq(
        encoder(packing)(m, packing, [group.word_select(k, 2) for k in range(packing.group)], "group")
    )
    patterns = np.array(list(product((0, 1, -2, -1), repeat=packing.group)))[:, ::-1]
    np.testing.assert_array_equal(as_patterns(patterns), np.arange(4**packing.group))
    config = TritEncodeConfig(packing=name)
    expected = encode_golden(config, {"i": {"trit": patterns, "last": patterns[:, 0]}})["o"]
    np.testing.assert_array_equal(outputs(m, group, result, 4**packing.group), expected["code"][:, 0])
    np.testing.assert_array_equal(expected["invalid"], (patterns == -2).any(axis=1))


@pytest.mark.parametrize("config", [TritDecodeConfig, TritEncodeConfig])
def test_a_config_refuses_with_field_rule_and_value(config):
    with pytest.raises(ConfigError) as caught:
        config(groups=0)
    assert str(caught.value) == f"{config.room}.groups must lie in 1..256, not 0"
    with pytest.raises(ConfigError) as caught:
        config(packing="base3_g6")
    assert str(caught.value) == f"{config.room}.packing must be one of {', '.join(NAMES)}, not 'base3_g6'"
