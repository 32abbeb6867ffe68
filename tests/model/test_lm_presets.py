# SPDX-License-Identifier: BSD-2-Clause
"""The trained language models: what their files say of them holds in integers."""

import numpy as np
import pytest

from gatewright.gen.model.import_lm import load_lm, read_lm
from gatewright.gen.model.lm_accuracy import held_out_text, measure
from gatewright.gen.model.lm_golden import fresh_state, prefill, step
from gatewright.gen.model.lm_text import bits_per_byte, generate
from gatewright.gen.presets import folder

MODELS = sorted(path.stem for path in folder().glob("kjv_*.json"))
SAMPLE = 1024


@pytest.mark.parametrize("name", MODELS)
def test_integers_lose_nothing_against_the_file(name):
    found = measure(folder() / f"{name}.json", held_out_text()[: SAMPLE + 1])
    assert found.integer_bits < found.float_bits + 0.05  # the float one lacks roundings that training knew
    assert found.agreement > 0.75
    assert "bits per byte" in str(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_integers_are_within_a_hundredth_bit_of_the_training(name):
    config, _ = read_lm(folder() / f"{name}.json")
    text = held_out_text()
    assert len(text) - 1 == config.training["held_out_bytes"]
    found = bits_per_byte(load_lm(folder() / f"{name}.json"), text)
    assert abs(found - config.training["held_out_bits_per_byte"]) < 0.01


@pytest.mark.parametrize("name", MODELS)
def test_text_comes_out(name):
    graph = load_lm(folder() / f"{name}.json")
    prompt = list(b"And the LORD said unto ")
    tokens = generate(graph, prompt, 32)
    assert set(tokens) <= set(b" ,.:;?!'()-\n" + bytes(range(65, 91)) + bytes(range(97, 123)))
    state, logits = prefill(graph, prompt)
    again = fresh_state(graph)
    for position, token in enumerate(prompt):
        np.testing.assert_array_equal(step(graph, again, token), logits[position])
    assert again.differs(state) is None
