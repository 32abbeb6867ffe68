# SPDX-License-Identifier: BSD-2-Clause
"""The digits preset: its data are what they claim, and its held-out accuracy holds."""

import hashlib

import numpy as np
import pytest
from tests.model.onnx_cases import reference

from gatewright.gen.model.accuracy import float_logits, measure
from gatewright.gen.model.digits import HELD_OUT, PIXEL_MAX, bundled_file, bundled_test, split
from gatewright.gen.model.golden_network import run
from gatewright.gen.model.import_onnx import load_model

PATH = bundled_file().parent / "mlp_digits.onnx"


@pytest.fixture(scope="module")
def network():
    return load_model(PATH)


def test_bundled_images_are_the_held_out_part_of_the_split():
    pytest.importorskip("sklearn", reason="scikit-learn")
    train, test = split()
    bundled = bundled_test()
    np.testing.assert_array_equal(bundled.images, test.images)
    np.testing.assert_array_equal(bundled.labels, test.labels)
    assert bundled.images.shape == (HELD_OUT, 8, 8)
    assert int(bundled.images.max()) == PIXEL_MAX
    assert len(train.labels) + HELD_OUT == 1797
    counts = np.bincount(bundled.labels, minlength=10)
    assert counts.min() >= 43
    assert counts.max() <= 46


def test_no_held_out_image_is_in_the_training_part():
    pytest.importorskip("sklearn", reason="scikit-learn")
    train, test = split()
    seen = {hashlib.sha256(image.tobytes()).digest() for image in train.images}
    assert not [image for image in test.images if hashlib.sha256(image.tobytes()).digest() in seen]


def test_integer_accuracy_on_held_out_images_is_at_least_97_percent(network):
    images, labels = bundled_test()
    found = measure(PATH, network, images, labels)
    assert found.items == HELD_OUT
    assert found.integer_accuracy >= 0.97
    assert found.float_accuracy >= 0.97
    assert found.agreement == 1
    assert found.largest_difference <= 1
    assert "450 held-out items" in str(found)


def test_integer_network_names_the_class_that_onnx_reference_names(network):
    images, _ = bundled_test()
    real = float_logits(PATH, network, images)
    np.testing.assert_array_equal(real.argmax(axis=1), run(network, images)[-1].argmax(axis=1))


def test_every_layer_is_within_one_lsb_of_onnx_reference(network):
    # Both round the same real number; float32 sums and the 16-bit multiplier (relative error 2**-16)
    # can only tip a result that stands beside a tie, so a code moves by one at most, and seldom.
    images, _ = bundled_test()
    feed = images.astype(np.float32) / PIXEL_MAX
    want = reference(PATH, feed, "dense0_q", "dense1_q")
    for got, codes in zip(run(network, images), want, strict=True):
        distance = np.abs(got - codes.astype(np.int64))
        assert distance.max() <= 1
        assert np.mean(distance) < 0.005


def test_the_preset_fits_the_small_board(network):
    assert [(layer.inputs, layer.outputs) for layer in network.layers] == [(64, 32), (32, 10)]
    assert max(layer.acc_bits for layer in network.layers) <= 24
    assert PATH.stat().st_size < 8192


def test_wrong_labels_lower_the_accuracy(network):
    images, labels = bundled_test()
    assert measure(PATH, network, images, (labels + 1) % 10).integer_accuracy < 0.05
