# SPDX-License-Identifier: BSD-2-Clause
"""The trained vision transformers: their data are what they claim, and their accuracy holds."""

import hashlib

import numpy as np
import pytest

from gatewright.gen.model.digits import HELD_OUT_IN_ORDER, split_in_order
from gatewright.gen.model.import_vit import load_vit
from gatewright.gen.model.vit_accuracy import measure
from gatewright.gen.model.vit_golden import run
from gatewright.gen.presets import folder

pytest.importorskip("safetensors", reason="safetensors")

TASKS = [("digits", "digit"), ("digits", "parity"), ("glyphs", "glyph")]


def held_out(data):
    with np.load(folder() / f"moe_vit_{data}_test.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def found():
    """Give graph, held-out data and traces by task."""
    results = {}
    for data, task in TASKS:
        graph, arrays = load_vit(folder() / f"moe_vit_{data}.json"), held_out(data)
        results[task] = graph, arrays, run(graph, arrays["images"], task)
    return results


@pytest.mark.parametrize(("data", "task"), TASKS)
def test_integers_get_96_percent_and_keep_up_with_the_float_baseline(found, data, task):
    _, arrays, trace = found[task]
    integer = np.mean(trace.classes == arrays[task])
    baseline = np.mean(arrays[f"{task}_float"] == arrays[task])
    assert integer >= 0.96
    assert integer >= baseline - 0.005


@pytest.mark.parametrize(("data", "task"), TASKS)
def test_every_expert_works_and_none_takes_all(found, data, task):
    graph, _, trace = found[task]
    assert [route.layer for route in trace.routes] == [layer for layer in range(graph.geometry.layers) if layer % 2]
    for route in trace.routes:
        share = route.count(graph.geometry.experts).sum(axis=0) / route.experts.size
        assert share.min() > 0.15
        assert share.max() < 0.35


def test_tasks_of_the_digits_are_gated_differently(found):
    digit, parity = (found[task][2].routes[0].experts for task in ("digit", "parity"))
    assert np.mean(np.sort(digit, axis=-1) != np.sort(parity, axis=-1)) > 0.02


@pytest.mark.parametrize(("data", "task"), TASKS)
def test_file_and_graph_agree(data, task):
    arrays = held_out(data)
    images, labels = arrays["images"][::12], arrays[task][::12]
    result = measure(folder() / f"moe_vit_{data}.json", images, labels, task)
    assert result.agreement > 0.97
    assert "the model file in float gets" in str(result)


def test_held_out_digits_are_the_last_rows():
    pytest.importorskip("sklearn", reason="scikit-learn")
    (train, test), arrays = split_in_order(), held_out("digits")
    np.testing.assert_array_equal(arrays["images"], test.images)
    np.testing.assert_array_equal(arrays["digit"], test.labels)
    np.testing.assert_array_equal(arrays["parity"], test.labels % 2)
    assert len(test.labels) == HELD_OUT_IN_ORDER
    assert len(train.labels) + len(test.labels) == 1797
    seen = {hashlib.sha256(image.tobytes()).digest() for image in train.images}
    assert not [image for image in test.images if hashlib.sha256(image.tobytes()).digest() in seen]


def test_held_out_glyphs_are_whole_alphabets_of_four_families():
    arrays = held_out("glyphs")
    assert arrays["images"].shape == (1258, 16, 16)
    assert int(arrays["images"].max()) <= 64
    assert np.bincount(arrays["glyph"]).tolist() == [37] * 34
    assert np.bincount(arrays["face"]).tolist() == [34] * 37
    assert {name.split("/")[0] for name in arrays["faces"].tolist()} == {
        "fonts-cabin", "fonts-comfortaa", "fonts-linuxlibertine", "fonts-open-sans",
    }  # fmt: skip
    graph = load_vit(folder() / "moe_vit_glyphs.json")
    assert graph.geometry.tokens == 65
    assert "".join(graph.heads[0].classes) == "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
