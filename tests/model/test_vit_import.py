# SPDX-License-Identifier: BSD-2-Clause
"""Import of vision transformers: the integers that follow from a file, and one line for each thing that is wrong."""

import copy
import json
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
import pytest

from gatewright.gen.model.import_vit import load_vit, quantise, rescale, tensor_shapes
from gatewright.gen.model.vit_golden import run
from gatewright.gen.model.vit_graph import Geometry, Linear, Moe, Rescale
from gatewright.gen.model.vit_random import random_graph, random_images, random_model
from gatewright.hw.core.errors import ModelError

numpy_file = pytest.importorskip("safetensors.numpy", reason="safetensors")

SIZE = Geometry(
    channels=1, height=4, width=4, patch=2, dim=8, heads=2, layers=2, ff=12, experts=3, expert_ff=10, top_k=2
)


def content(config):
    return {
        "format": "gatewright-vit-1",
        "name": config.name,
        "geometry": asdict(config.geometry),
        "tasks": [{"name": name, "classes": list(classes)} for name, classes in config.tasks],
        "weights": config.weights,
        "norm": config.norm,
        "over": config.over,
        "epsilon": config.epsilon,
        "steps": config.steps | {"blocks": [dict(steps) for steps in config.block_steps]},
    }


@pytest.fixture(scope="module")
def model():
    return random_model(np.random.default_rng(0), SIZE, (3, 2))


def save(folder, config, tensors):
    (folder / "m.json").write_text(json.dumps(config))
    numpy_file.save_file(tensors, folder / "m.safetensors")
    return folder / "m.safetensors"


@pytest.mark.parametrize("weights", ["int8", "ternary"])
@pytest.mark.parametrize(("norm", "widths"), [("layer", {}), ("rms", {"weight_bits": 8, "gain_fraction": 3})])
def test_files_give_the_graph_that_was_written(tmp_path, weights, norm, widths):
    rng = np.random.default_rng(1)
    config, tensors = random_model(rng, SIZE, (3, 2), weights, norm, "chosen", widths)
    path = save(tmp_path, content(config) | ({"widths": widths} if widths else {}), tensors)
    want = quantise(config, tensors)
    for file in (path, path.with_suffix(".json"), str(path)):
        found = load_vit(file)
        assert found.formats == want.formats
        images = random_images(rng, want, 3)
        np.testing.assert_array_equal(run(found, images, 1).logits, run(want, images, 1).logits)
    assert want.blocks[0].attention.qkv.ternary is (weights == "ternary")
    assert want.patch.ternary is want.heads[0].linear.ternary is (weights == "ternary")


def test_integers_are_those_of_the_text(model):
    config, tensors = model
    graph = quantise(config, tensors)
    weights = tensors["blocks.0.mlp.fc1.weight"].astype(np.float64)
    bias = tensors["blocks.0.mlp.fc1.bias"].astype(np.float64)
    layer = graph.blocks[0].mlp.fc1
    for channel in range(12):
        step = np.abs(weights[channel]).max() / 127
        assert layer.weights[channel].tolist() == np.rint(weights[channel] / step).tolist()
        assert layer.bias[channel] == round(bias[channel] / (step * config.steps["norm"]))
        ratio = step * config.steps["norm"] / config.steps["gelu_in"]
        assert abs(layer.multiplier[channel] / 2.0 ** layer.shift[channel] / ratio - 1) <= 2**-16
    assert np.abs(layer.weights.astype(int)).max(axis=1).tolist() == [127] * 12
    head = graph.heads[1]
    assert int(np.abs(head.weights.astype(int)).max()) == 127
    assert head.step == pytest.approx(np.abs(tensors["heads.1.weight"]).max() / 127 * config.steps["norm"])
    moe = graph.blocks[1].mlp
    assert isinstance(moe, Moe)
    row = tensors["blocks.1.moe.fc2.weight"][2, 0].astype(np.float64)
    np.testing.assert_array_equal(moe.experts[2].fc2.weights[0], np.rint(row / (np.abs(row).max() / 127)))
    assert graph.pos.tolist() == np.rint(tensors["pos_embed"].astype(np.float64) * 1024).tolist()
    assert graph.blocks[0].norm1.gain.tolist() == np.rint(tensors["blocks.0.norm1.weight"] * 512.0).tolist()
    assert graph.formats.epsilon == round(8e-5 * 1024**2)


def test_rescale_is_the_nearest_of_its_shifts():
    assert rescale(0.5, "x") == (1 << 15, 16)
    assert rescale(1 - 2**-16, "x") == (65535, 16)
    assert rescale(2**-17, "x") == (1 << 14, 31)
    assert rescale(2**-40, "x") == (0, 31)
    for ratio in (0.3, 1e-3, 7e-5):
        multiplier, shift = rescale(ratio, "x")
        assert abs(Fraction(multiplier, 1 << shift) / Fraction(ratio) - 1) <= Fraction(1, 1 << 16)
    for ratio, rule in ((1.0, "ratio must be below 1, not 1"), (0.0, "ratio must be positive, not 0")):
        with pytest.raises(ModelError, match=f"^x: rescale {rule}; check the steps around it$"):
            rescale(ratio, "x")


def test_weights_that_are_all_zero_leave_the_bias(model):
    config, tensors = model
    tensors = tensors | {"blocks.0.mlp.fc1.weight": np.zeros((12, 8), np.float32)}
    layer = quantise(config, tensors).blocks[0].mlp.fc1
    assert not layer.weights.any()
    want = tensors["blocks.0.mlp.fc1.bias"] / config.steps["gelu_in"]
    assert np.abs(layer.bias * layer.multiplier / 2.0**layer.shift - want).max() <= 0.5


def edit(path, value):
    """Set a key of the configuration, or remove it (value None), at a path."""

    def change(config, tensors):
        table = config
        for key in path[:-1]:
            table = table[key]
        if value is None:
            del table[path[-1]]
        else:
            table[path[-1]] = value

    return change


def tensor(name, value):
    def change(config, tensors):
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value

    return change


WRONG = {
    "no format": (edit(["format"], None), "m.json: format is missing"),
    "format": (edit(["format"], "x"), "m.json: format must be 'gatewright-vit-1', not 'x'"),
    "unknown": (edit(["extra"], 1), "m.json: extra is unknown; known here are "),
    "unknown inside": (edit(["geometry", "depth"], 1), "m.json: geometry.depth is unknown; known here are channels, "),
    "missing size": (edit(["geometry", "dim"], None), "m.json: geometry.dim is missing"),
    "real size": (edit(["geometry", "dim"], 8.0), "m.json: geometry.dim must be an integer, not 8.0"),
    "truth size": (edit(["geometry", "dim"], True), "m.json: geometry.dim must be an integer, not a truth value"),
    "zero size": (edit(["geometry", "ff"], 0), "m.json: geometry.ff must be at least 1, not 0"),
    "heads": (edit(["geometry", "heads"], 3), "m.json: geometry.dim must be a multiple of heads = 3, not 8"),
    "patch": (edit(["geometry", "patch"], 3), "m.json: geometry.height must be a multiple of patch = 3, not 4"),
    "top_k": (edit(["geometry", "top_k"], 4), "m.json: geometry.top_k must be at most experts = 3, not 4"),
    "geometry": (edit(["geometry"], [1]), "m.json: geometry must be an object, not a list"),
    "weights": (edit(["weights"], "int4"), "m.json: weights must be int8 or ternary, not 'int4'"),
    "norm": (edit(["norm"], 3), "m.json: norm must be a string, not 3"),
    "over": (edit(["over"], "some"), "m.json: over must be all or chosen, not 'some'"),
    "epsilon": (edit(["epsilon"], 0), "m.json: epsilon must be positive and finite, not 0"),
    "great epsilon": (edit(["epsilon"], 1e6), "random: epsilon must be at most 2**30 in steps, not "),
    "nan": (edit(["steps", "norm"], float("nan")), "m.json: steps.norm must be positive and finite, not nan"),
    "text step": (edit(["steps", "norm"], "1"), "m.json: steps.norm must be a number, not a string"),
    "no step": (edit(["steps", "gate"], None), "m.json: steps.gate is missing"),
    "power": (edit(["steps", "score"], 0.3), "m.json: steps.score must be a power of two in 2**-16..1, not 0.3"),
    "two": (edit(["steps", "gate"], 2.0), "m.json: steps.gate must be a power of two in 2**-16..1, not 2.0"),
    "blocks": (edit(["steps", "blocks"], {}), "m.json: steps.blocks must be a list, not an object"),
    "few blocks": (
        edit(["steps", "blocks"], []),
        "m.json: steps.blocks must hold an entry for each of 2 layers, not 0",
    ),
    "block step": (edit(["steps", "blocks", 1, "q"], None), "m.json: steps.blocks[1].q is missing"),
    "block key": (edit(["steps", "blocks", 1, "z"], 1), "m.json: steps.blocks[1].z is unknown; known here are "),
    "no task": (edit(["tasks"], []), "m.json: tasks must hold at least one task, and no name twice"),
    "twice": (edit(["tasks", 1, "name"], "task0"), "m.json: tasks must hold at least one task, and no name twice"),
    "classes": (
        edit(["tasks", 0, "classes"], ["a", "a"]),
        "m.json: tasks[0].classes must be a list of two or more different strings",
    ),
    "task key": (edit(["tasks", 0, "loss"], 1), "m.json: tasks[0].loss is unknown; known here are classes, name"),
    "width": (edit(["widths"], {"gate_bits": 1.5}), "m.json: widths.gate_bits must be an integer, not 1.5"),
    "width key": (edit(["widths"], {"qkv_bits": 8}), "m.json: widths.qkv_bits is unknown; known here are "),
    "unknown tensor": (
        tensor("blocks.1.mlp.fc1.weight", np.zeros((12, 8), np.float32)),
        "m.safetensors: tensor blocks.1.mlp.fc1.weight is unknown to this configuration; remove it",
    ),
    "missing tensor": (
        tensor("blocks.1.moe.gate.weight", None),
        "m.safetensors: tensor blocks.1.moe.gate.weight of shape (2, 3, 8) is missing",
    ),
    "shape": (
        tensor("pos_embed", np.zeros((8, 5), np.float32)),
        "m.safetensors: tensor pos_embed must have the shape (5, 8), not (8, 5)",
    ),
    "type": (
        tensor("pos_embed", np.zeros((5, 8), np.float16)),
        "m.safetensors: tensor pos_embed must be of type F32, not F16",
    ),
    "infinite": (
        tensor("norm.bias", np.full(8, np.inf, np.float32)),
        "m.safetensors: tensor norm.bias must be finite",
    ),
    "gain": (
        tensor("norm.weight", np.full(8, 4.1, np.float32)),
        "random: norm gain must lie in -2048..2047, not 2099",
    ),
    "position": (
        tensor("pos_embed", np.full((5, 8), 1e30, np.float32)),
        "random: pos must lie in -32768..32767, not 4611686018427387904",
    ),
    "bias": (
        tensor("blocks.0.attn.proj.bias", np.full(8, 1e9, np.float32)),
        "blocks.0.attn.proj: bias must lie in -2147483648..2147483647, not ",
    ),
    "ratio": (
        edit(["steps", "residual"], 2.0**-15),
        "patch_embed: rescale ratio must be below 1, not ",
    ),
    "attention": (
        edit(["steps", "blocks", 0, "attention"], 1e-5),
        "blocks.0 attention: rescale ratio must be below 1, not ",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_gets_one_line(tmp_path, model, case):
    change, message = WRONG[case]
    config, tensors = copy.deepcopy(content(model[0])), dict(model[1])
    change(config, tensors)
    path = save(tmp_path, config, tensors)
    with pytest.raises(ModelError) as caught:
        load_vit(path)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_get_one_line(tmp_path, model):
    with pytest.raises(ModelError, match=r"^configuration .*m\.json can't be read: No such file or directory$"):
        load_vit(tmp_path / "m.json")
    (tmp_path / "m.json").write_text("{")
    with pytest.raises(ModelError, match=r"^configuration .*m\.json is no JSON: "):
        load_vit(tmp_path / "m.json")
    (tmp_path / "m.json").write_text("[]")
    with pytest.raises(ModelError, match=r"^m\.json: the file must be an object, not a list$"):
        load_vit(tmp_path / "m.json")
    (tmp_path / "m.json").write_text(json.dumps(content(model[0])))
    with pytest.raises(ModelError, match=r"^tensors .*m\.safetensors can't be read: "):
        load_vit(tmp_path / "m.json")
    (tmp_path / "m.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match=r"m\.safetensors is no safetensors file: "):
        load_vit(tmp_path / "m.json")


def test_graphs_refuse_parts_that_do_not_fit():
    graph = random_graph(np.random.default_rng(0), SIZE)
    block = graph.blocks[0]
    fat = Linear("fat", np.ones((8, 9), np.int8), np.zeros(8, int), np.ones(8, int), np.full(8, 16), 16)
    cases = {
        "blocks must be 2, not 1": {"blocks": graph.blocks[:1]},
        "heads must not be empty": {"heads": ()},
        "block 1 must hold experts": {"blocks": (block, block)},
        "block 0 must hold a dense MLP": {"blocks": (graph.blocks[1], graph.blocks[1])},
        r"pos must have the shape \(5, 8\), not \(4, 8\)": {"pos": graph.pos[:4]},
        "block 0 norm1 must have a bias": {"blocks": (replace(block, norm1=replace(block.norm1, bias=None)), block)},
    }
    for message, changes in cases.items():
        with pytest.raises(ModelError, match=f"^random: {message}$"):
            replace(graph, **changes)
    with pytest.raises(ModelError, match=r"^fat: weights must have the shape \(8, 4\), not \(8, 9\)$"):
        replace(graph, patch=fat)
    with pytest.raises(ModelError, match=r"^fat: shift must lie in 16\.\.31, not 15$"):
        replace(fat, shift=np.full(8, 15))
    with pytest.raises(ModelError, match=r"^fat: accumulator must fit 32 bits, but can reach "):
        replace(fat, bias=np.full(8, (1 << 31) - 1))
    with pytest.raises(ModelError, match=r"^rescale: multiplier must lie in 0\.\.65535, not 65536$"):
        Rescale(65536, 16)


def test_all_tensors_have_a_name(model):
    assert set(tensor_shapes(model[0])) == set(model[1])
    assert "blocks.0.mlp.fc1.weight" in model[1]
    assert "blocks.1.moe.fc2.bias" in model[1]
