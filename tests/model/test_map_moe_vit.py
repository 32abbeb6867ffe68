# SPDX-License-Identifier: BSD-2-Clause
"""Vision transformers of random weights, laid out for the core: int8 and ternary, both golden models, and RTL."""

import numpy as np
import pytest

from gatewright.gen.model.map_moe_vit import Settings, core_values
from gatewright.gen.model.task_vit import VitTask
from gatewright.gen.model.vit_graph import Geometry
from gatewright.gen.model.vit_random import random_graph, random_images
from gatewright.gen.model.vit_rtl import run_images
from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.golden import constants, infer
from gatewright.hw.core.errors import ModelError

SIZE = Geometry(
    channels=1, height=4, width=6, patch=2, dim=16, heads=2, layers=2, ff=24, experts=4, expert_ff=20, top_k=2
)
COUNT = 6


def task_of(weights, task=0, **settings):
    rng = np.random.default_rng(8)
    graph = random_graph(rng, SIZE, (5, 3), weights)
    shape = {"inputs_per_cycle": 4, "outputs_per_cycle": 4, "lanes": 2, "attention_lanes": 4, "parallel": 2}
    core = VitCoreConfig(**core_values(Settings(**(shape | settings)), graph))
    images = random_images(rng, graph, COUNT).reshape(COUNT, -1)
    codes = np.concatenate([np.full((COUNT, 1), task), images], axis=1)
    return VitTask(graph=graph, core=core, number=task, codes=codes)


@pytest.mark.parametrize("task", [0, 1])
@pytest.mark.parametrize(
    ("weights", "settings"),
    [("int8", {}), ("ternary", {}), ("ternary", {"method": "select"}), ("ternary", {"lanes": 4})],
)
def test_core_and_graph_agree(weights, settings, task):
    """Two golden models, written apart: the room's and the integer graph's."""
    made = task_of(weights, task, **settings)
    assert made.core.linear.ternary is (weights == "ternary")
    provide = constants(made.core)
    for image, wanted in zip(made._images, made.wanted(COUNT), strict=True):
        found = infer(made.core, image, task, provide)
        np.testing.assert_array_equal(np.concatenate([found.scores, found.routes.ravel()]), wanted)


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "settings"), [("int8", {}), ("ternary", {}), ("ternary", {"method": "select"})])
def test_rtl_gives_what_the_graph_gives(weights, settings, tmp_path):
    made = task_of(weights, 1, **settings)
    assert run_images("random", made, COUNT, tmp_path).exact


def test_int8_weights_are_not_folded():
    with pytest.raises(ModelError, match=r"^random: weights must be ternary for method fold; use method multiply$"):
        task_of("int8", method="fold")


def test_the_picture_is_a_png_and_the_same_each_time():
    made = task_of("int8")
    output = made.wanted(1)[0]
    name, picture = made.picture(0, output)
    assert name == "experts.png"
    assert picture.startswith(b"\x89PNG")
    assert made.picture(0, output) == (name, picture)
    other = output.copy()
    other[made.core.classes :] = (other[made.core.classes :] + 1) % SIZE.experts
    assert made.picture(0, other)[1] != picture
