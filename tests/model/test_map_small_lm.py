# SPDX-License-Identifier: BSD-2-Clause
"""Language models as words for the serial core: what its golden model reads back is the integer graph."""

from dataclasses import replace

import numpy as np
import pytest
from tests.model.test_map_ternary_lm import SHAPES

from gatewright.gen.model.lm_golden import fresh_state, step
from gatewright.gen.model.lm_random import random_graph, random_tokens
from gatewright.gen.model.map_small_lm import Settings, map_settings, words_of
from gatewright.gen.model.map_ternary_lm import Settings as EngineSettings
from gatewright.gen.model.map_ternary_lm import core_values
from gatewright.gen.presets import load_design
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.golden import Model
from gatewright.hw.accel.lm_core.shape import NetworkConfig
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.lm_serial.golden import model_of
from gatewright.hw.accel.lm_serial.image import image
from gatewright.hw.core.errors import ConfigError, ModelError

SHAPE = replace(SHAPES["transformer"], context=16, dim=24)
ENGINE = EngineSettings(inputs_per_cycle=2, outputs_per_cycle=2, group=1, packing="engine", parallel=1,
                        logic_products=0)  # fmt: skip
UP5K_WORDS = 4 * 16384


def made(seed=3, **changes):
    graph = random_graph(np.random.default_rng(seed), replace(SHAPE, **changes), gate="relu2", act="static")
    core = LmCoreConfig(**core_values(ENGINE, graph))
    network = {name: getattr(core, name) for name in NetworkConfig.model_fields}
    return graph, core, LmSerialConfig(**network)


@pytest.mark.parametrize("changes", [{}, {"dim": 26, "ff": 34, "kv_heads": 1}, {"layers": 3, "heads": 6, "vocab": 10}])
def test_words_and_graph_agree_on_every_logit(changes):
    graph, core, config = made(**changes)
    words = image(core)
    assert len(words) == config.image_words
    model, state = Model(model_of(config, words.tobytes())), fresh_state(graph)
    for token in random_tokens(np.random.default_rng(1), graph, 10).tolist():
        model.token(token, True)
        np.testing.assert_array_equal(model.logits, step(graph, state, token))


def test_too_few_words_are_refused():
    _, core, config = made()
    with pytest.raises(ModelError, match=f"words must be {config.image_words}, not {config.image_words - 1}"):
        model_of(config, image(core)[:-1].tobytes())


def test_the_preset_fills_the_memory_of_an_up5k_and_its_flash_image_is_its_model():
    design = load_design("kjv-mqa")
    config, image_of = design.config, design.flash
    most = config.core.memory.first + config.core.memory.words
    assert 0.95 * UP5K_WORDS < most <= UP5K_WORDS
    words = words_of(design.settings, design.folder)
    assert image_of.offset == config.flash_offset
    assert image_of.data[:-2] == words.astype("<u2").tobytes()
    assert len(words) == config.core.image_words


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("kjv_transformer.safetensors", r"the model needs \d+ words of 16 bits, and there are 65536"),
        ("kjv_mlgru.safetensors", "family must be transformer, not mlgru: lm_core runs the others"),
    ],
)
def test_models_that_do_not_fit_are_refused_in_one_line(model, message, tmp_path):
    with pytest.raises(ConfigError, match=rf"^lm_serial\.{message}$") as refused:
        map_settings(Settings(model=model), tmp_path)
    assert "\n" not in str(refused.value)
