# SPDX-License-Identifier: BSD-2-Clause
"""Estimates of language models: bytes and cycles from first principles, fits of measured costs, refusals."""

import json
from dataclasses import replace
from math import ceil

import numpy as np
import pytest

from gatewright.gen.estimate.core import Cycles, Geometry, attended, candidates, wide_core
from gatewright.gen.estimate.costs import cost, table
from gatewright.gen.estimate.devices import clock_of, devices, find_device, rate_of, reports
from gatewright.gen.estimate.models import find_subject, shapes
from gatewright.gen.estimate.report import as_json, estimate
from gatewright.gen.estimate.resources import blocks_of, softmax_blocks, stores_of, word_bits, words_of
from gatewright.gen.estimate.speed import first_token, speed_of
from gatewright.gen.estimate.traffic import traffic_of
from gatewright.gen.model.lm_random import random_model
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_tensors import Trits
from gatewright.hw.accel.lm_core import timing
from gatewright.hw.accel.lm_core.parts import CorePartsConfig
from gatewright.hw.accel.lm_core.program import Kind
from gatewright.hw.attention.kv_attention.config import KvAttentionConfig
from gatewright.hw.attention.kv_attention.timing import lone
from gatewright.hw.core.errors import BoardError, ConfigError
from gatewright.hw.ternary.packing import encode
from gatewright.hw.ternary.store import KINDS

numpy_file = pytest.importorskip("safetensors.numpy", reason="safetensors")

SMALL = Geometry(inputs_per_cycle=8, outputs_per_cycle=4)
TINY = LmGeometry(family="transformer", vocab=16, dim=32, layers=3, ff=48, context=32, heads=4, kv_heads=2, head_dim=8)


@pytest.fixture
def model_file(tmp_path):
    """Write a model of random weights, and a config file for it; give the latter."""
    config, tensors = random_model(np.random.default_rng(0), TINY)
    stored = {}
    for name, value in tensors.items():
        packed = isinstance(value, Trits)
        stored[name] = encode("hf_bitnet", value.codes) if packed else value
        if packed:
            stored[f"{name}_scale"] = np.array([value.step], np.float32)
    numpy_file.save_file(stored, tmp_path / "tiny.safetensors")
    (tmp_path / "tiny.json").write_text(json.dumps(config.content()))
    path = tmp_path / "tiny.toml"
    path.write_text(
        'room = "ternary_lm"\n[parameters]\nmodel = "tiny.safetensors"\ninputs_per_cycle = 8\noutputs_per_cycle = 4\n'
        "parallel = 2\nlogic_products = 0\n[board.ulx3s-85f]\nclock_hz = 25_000_000\n"
    )
    return path


# --- bytes ---


def test_weights_and_cache_of_tellmes_model():
    shape = shapes()["bitnet-0.73b"]
    core = wide_core(shape, Geometry(inputs_per_cycle=512, outputs_per_cycle=8))
    body = 24 * (4 * 1536 * 1536 + 3 * 1536 * 4096)
    assert body + 32_002 * 1536 == 728_632_320
    # The head is the embedding, octets of six digits to base 3; were it of one, all would be what is said of TeLLMe's.
    assert (body + 32_002 * 1536) / 5e6 == pytest.approx(146, abs=0.5)
    trits = body + 6 * 32_008 * 1536
    found = traffic_of(core, 99)
    assert found.trits == trits
    assert found.packed == pytest.approx(trits * 8 / 5 / 8)
    # 1536 and 4096 are whole blocks of 512: no padding but in the codes of a word, 820 octets for 4096 trits, and
    # in the last word of the head.
    words = 24 * (3 * (3 * 192 + 192) + 3 * 1024 + 8 * 192) + 3 * 6 * ceil(32_002 / 8)
    assert sum(words_of(core).values()) == words
    assert found.weights == words * ceil(4096 / 5)
    assert found.keys_values_read == 24 * 2 * 1536 * 100
    assert found.keys_values_written == 24 * 2 * 1536
    assert found.outside == found.weights + found.gains + found.keys_values_read + found.keys_values_written + 1536


def test_heads_that_share_keys_read_them_once_a_walk():
    shape = shapes()["bitnet-2b4t"]
    geometry = next(iter(candidates(shape, 256, 16)))
    assert geometry.parallel == 4
    core = wide_core(shape, geometry)
    layer = 2 * 2560 * 2560 + 2 * 640 * 2560 + 3 * 2560 * 6912
    assert traffic_of(core, 0).trits == 30 * layer + 6 * 128_256 * 2560
    assert traffic_of(core, 9).keys_values_read == 30 * 2 * 640 * 10
    apart = wide_core(shape, replace(geometry, parallel=1))
    assert traffic_of(apart, 9).keys_values_read == 30 * 2 * 2560 * 10
    assert traffic_of(core, 9).weights > traffic_of(core, 9, head=False).weights


def test_a_recurrent_model_has_no_cache():
    core = wide_core(shapes()["matmulfree-370m"], Geometry(inputs_per_cycle=64, outputs_per_cycle=8))
    found = traffic_of(core, 1000)
    assert found.keys_values_read == found.keys_values_written == 0
    assert found.trits == 24 * (4 * 1024**2 + 3 * 1024 * 2816) + 32_000 * 1024


# --- cycles ---


@pytest.mark.parametrize("family", ["transformer", "mlgru"])
@pytest.mark.parametrize("act", ["static", "dynamic"])
def test_cycles_are_those_of_the_core(family, act):
    core = CorePartsConfig(family=family, act=act, layers=3, context=32, group=4, groups=4, heads=4, kv_heads=2)
    for position in (0, 1, 17, 31):
        for head in (False, True):
            assert Cycles(core).steps(position, head) == timing.Model(core).steps(position, head)
    assert Cycles(core).run(range(5), [False] * 4 + [True]) == timing.Model(core).run(range(5), [False] * 4 + [True])


@pytest.mark.parametrize("passes", [2, 7, 10])
def test_long_attention_goes_on_as_it_began(passes):
    config = KvAttentionConfig(
        heads=passes, kv_heads=passes, head_dim=16, lanes=8, parallel=1, context=256, layers=1
    )  # fmt: skip
    for position in (0, 5, 40, 130, 150):
        for keys, values in ((0, 0), (4, 30)):
            assert attended(config, position, keys, values) == lone(config, position, 0, keys, values)


def test_a_config_files_speed_is_its_clock_over_the_cores_cycles(model_file):
    found = estimate(find_subject(str(model_file), "ulx3s-85f"), find_device("ulx3s-85f"), context=12, prompt=7)
    core = found.subject.design.config.core
    assert found.clock.mhz == 25
    assert found.speed.cycles == core.timing.token(12, True) == sum(step.cycles for step in found.speed.steps)
    assert found.speed.tokens_per_second == 25e6 / core.timing.token(12, True)
    assert found.first_token == core.timing.run(range(7), [False] * 6 + [True]) / 25e6
    assert found.fits
    words = sum(words_of(core).values())
    weights = next(store for store in found.stores if store.name == "weights")
    assert (weights.words, weights.width) == (words, word_bits(core))
    assert weights.blocks == blocks_of(KINDS["EBR"], words, word_bits(core)) > 0
    assert sum(step.words for step in found.speed.steps) == words
    blocks = next(need for need in found.needs if need.resource == "EBR")
    assert blocks.used == sum(store.blocks for store in found.stores if store.kind == "EBR")
    assert softmax_blocks(2, found.device) == 2 * softmax_blocks(1, found.device)


def test_half_the_context_is_the_default_and_a_clock_may_be_asked_for(model_file):
    found = estimate(find_subject(str(model_file), "ulx3s-85f"), find_device("ulx3s-85f"), mhz=60)
    assert found.speed.position == TINY.context // 2
    assert found.speed.tokens_per_second == 60e6 / found.subject.design.config.core.timing.token(16, True)


def test_memory_outside_bounds_what_streams():
    device, clock = find_device("kv260"), clock_of(find_device("kv260"))
    shape = shapes()["bitnet-0.73b"]
    narrow, wide = (wide_core(shape, Geometry(inputs_per_cycle=i, outputs_per_cycle=8)) for i in (16, 256))
    for core in (narrow, wide):
        found = speed_of(core, device, clock, 0)
        rate = 19.2e9 * 0.8
        assert found.outside_cycles == pytest.approx(found.traffic.outside / rate * 250e6)
        assert found.tokens_per_second == pytest.approx(min(250e6 / found.cycles, rate / found.traffic.outside))
        assert found.tokens_per_second_apart <= found.tokens_per_second
        assert found.binds.startswith("bandwidth") == (core is wide)
    assert speed_of(wide, device, clock, 0).tokens_per_second > 3 * 25  # TeLLMe's, at an unknown context
    tokens = [max(sum(Cycles(wide).steps(place, place == 3).values()),
                  traffic_of(wide, place, place == 3).outside / rate * 250e6) for place in range(4)]  # fmt: skip
    assert first_token(wide, device, clock, 4) == pytest.approx((2 + sum(tokens)) / 250e6)


# --- resources ---


def test_fitted_costs_keep_to_what_was_measured():
    for row in table()["rows"]:
        found = cost(row["room"], row["parameters"], row["family"])
        assert found.source == "gen/estimate/costs.json"
        assert found.luts == pytest.approx(row["luts"], rel=0.15, abs=8)
        assert found.ff == pytest.approx(row["ff"], rel=0.2, abs=8)
        assert found.dsp == pytest.approx(row["dsp"], abs=2.5)


def test_what_was_not_measured_is_said():
    none = cost("softmax", {"lanes": 1}, "ecp5")
    assert not none.source
    known = {row["family"] for row in table()["rows"]}
    for family in {"ecp5", "xilinx", "ice40", "gowin"} - known:
        assert "ecp5's rows" in cost("norm", {"lanes": 4, "output": "static"}, family).source


def test_memories_of_a_device_with_memory_outside_lie_there():
    core = wide_core(shapes()["bitnet-0.73b"], Geometry(inputs_per_cycle=64, outputs_per_cycle=8))
    stores = {store.name: store for store in stores_of(core, find_device("kv260"))}
    assert stores["keys and values"].bits == 8 * 2 * 24 * 2048 * 1536
    assert stores["weights"].bits == sum(words_of(core).values()) * ceil(512 / 5) * 8
    assert stores["weights"].blocks == stores["keys and values"].blocks == 0
    here = {store.name: store for store in stores_of(core, find_device("ulx3s-85f"))}
    assert here["keys and values"].blocks == ceil(768 / 18) * (2 * 24 * 16 * 2048 // 1024)


def test_a_large_model_does_not_fit_a_small_board():
    found = estimate(shapes()["matmulfree-370m"], find_device("icebreaker"), inputs=16, outputs=2, prompt=2)
    assert not found.fits
    assert any(reason.startswith("EBR4K: needs") or reason.startswith("SPRAM: needs") for reason in found.reasons)
    assert any("vocab must lie in 2..256, not 32000" in reason for reason in found.reasons)


def test_json_holds_what_the_tables_say(model_file):
    found = estimate(find_subject(str(model_file.with_suffix(".safetensors")), "ulx3s-85f"), find_device("ulx3s-85f"),
                     inputs=16, outputs=4, prompt=3)  # fmt: skip
    plain = json.loads(json.dumps(as_json(found)))
    assert plain["geometry"]["inputs_per_cycle"] == 16
    assert plain["tokens_per_second"] == found.speed.tokens_per_second
    assert plain["resources"]["LUT"]["available"] == 83_640
    assert {row["step"] for row in plain["steps"]} >= {"mix", "attend", "out", "gate", "down", "head"}
    assert plain["projection"] is False
    assert plain["bandwidth_bytes_per_second"] is None
    assert plain["binds"] in plain["limits_tokens_per_second"]
    assert list(Kind) == list(words_of(wide_core(found.subject, found.geometry)))


# --- clocks and refusals ---


def test_a_saved_report_gives_the_clock():
    name, report = next(reports("ulx3s-85f"))
    own = clock_of(find_device("ulx3s-85f"), report["design"], None, 25_000_000)
    assert own.mhz == rate_of(report)
    assert own.source == f"measured, {name}"
    assert clock_of(find_device("ulx3s-85f"), "nobody", None, 25_000_000).mhz == 25
    least = min(rate_of(each) for _, each in reports("ulx3s-85f"))
    assert clock_of(find_device("ulx3s-85f")).mhz == least
    assert clock_of(find_device("kv260")).source.startswith("assumed")


def test_refusals_name_what_is_known():
    with pytest.raises(BoardError, match=r"device moon is unknown; known devices are ulx3s-85f.*kv260, u280"):
        find_device("moon")
    with pytest.raises(ConfigError, match=r"model 'moon' is neither a file, nor a preset .* nor a shape .*bitnet-2b4t"):
        find_subject("moon", "kv260")
    with pytest.raises(ConfigError, match=r"ternary_lm or small_lm, and ternary-linear is of room ternary_linear"):
        find_subject("ternary-linear", "ulx3s-85f")
    with pytest.raises(ConfigError, match=r"context must lie in 0..2047 for bitnet-0.73b, not 2048"):
        estimate(shapes()["bitnet-0.73b"], find_device("kv260"), context=2048)
    with pytest.raises(ConfigError, match=r"no engine suits rows of 1536 and 4096 elements with inputs_per_cycle = 7"):
        estimate(shapes()["bitnet-0.73b"], find_device("kv260"), inputs=7)
    assert set(devices()) >= {"ulx3s-85f", "icebreaker", "tang-nano-9k", "kv260", "u280"}
