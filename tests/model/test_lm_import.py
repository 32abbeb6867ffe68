# SPDX-License-Identifier: BSD-2-Clause
"""Import of language models' own files: the integers that follow, and one line for each thing that is wrong."""

import copy
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from gatewright.gen.model.import_lm import check_names, load_lm, quantise, read_lm, rescale, tensor_shapes
from gatewright.gen.model.lm_config import parse_config
from gatewright.gen.model.lm_float import float_logits
from gatewright.gen.model.lm_golden import prefill
from gatewright.gen.model.lm_graph import Scale, TernaryLinear
from gatewright.gen.model.lm_random import random_model
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_tensors import Trits
from gatewright.gen.model.tensor_file import TensorFile
from gatewright.hw.core.errors import ModelError
from gatewright.hw.ternary.packing import encode

numpy_file = pytest.importorskip("safetensors.numpy", reason="safetensors")

SIZE = LmGeometry(family="transformer", vocab=12, dim=16, layers=2, heads=4, kv_heads=2, head_dim=4, ff=20, context=8)
RECURRENT = LmGeometry(family="mlgru", vocab=12, dim=16, layers=2, ff=20, context=8)
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6]


def stored(tensors, packed=True):
    """Give what a file holds: matrices packed, or as float32 whose mean magnitude is their step."""
    found = {}
    for name, value in tensors.items():
        if not isinstance(value, Trits):
            found[name] = value
        elif packed:
            found |= {name: encode("hf_bitnet", value.codes), f"{name}_scale": np.array([value.step], np.float32)}
        else:
            density = np.abs(value.codes).mean()
            found[name] = (value.codes * (value.step / density)).astype(np.float32)
    return found


def save(folder, content, tensors):
    (folder / "m.json").write_text(json.dumps(content))
    numpy_file.save_file(tensors, folder / "m.safetensors")
    return folder / "m.safetensors"


@pytest.fixture(scope="module")
def model():
    return random_model(np.random.default_rng(0), SIZE)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(
    ("size", "gate", "head", "act", "widths"),
    [
        (SIZE, "relu2", "untied", "static", {}),
        (SIZE, "silu", "tied", "dynamic", {"score_bits": 10}),
        (SIZE, "relu2", "int8", "static", {}),
        (RECURRENT, "silu", "untied", "static", {"gate_bits": 9}),
    ],
)
def test_files_give_the_graph_that_was_written(tmp_path, size, gate, head, act, widths, packed):
    rng = np.random.default_rng(1)
    config, tensors = random_model(rng, size, gate, head, act, widths)
    if head == "int8":
        tensors["lm_head.weight"] = rng.standard_normal((12, 16)).astype(np.float32)
    path = save(tmp_path, json.loads(json.dumps(config.content())), stored(tensors, packed))
    want = prefill(quantise(config, tensors), TOKENS)
    for file in (path, path.with_suffix(".json"), str(path)):
        found = load_lm(file)
        assert found.formats == quantise(config, tensors).formats
        assert found.weights == sum(value.codes.size for value in tensors.values() if isinstance(value, Trits))
        state, logits = prefill(found, TOKENS)
        np.testing.assert_array_equal(logits, want[1])
        assert state.differs(want[0]) is None
    again, lazy = read_lm(path)
    assert again == config
    np.testing.assert_allclose(
        float_logits(again, lazy, TOKENS), float_logits(config, tensors, TOKENS), rtol=1e-4, atol=1e-5
    )


def test_integers_are_those_of_the_text(model):
    config, tensors = model
    graph = quantise(config, tensors)
    block, name = graph.blocks[1], "model.layers.1.self_attn.q_proj.weight"
    assert block.mixer.q.weights.tolist() == tensors[name].codes.tolist()
    ratio = tensors[name].step * 2.0**-5 / (2.0**-5 / (1 << graph.formats.rope_shift))
    assert abs(block.mixer.q.scale.multiplier / 2.0**block.mixer.q.scale.shift / ratio - 1) <= 2**-16
    assert 0.5 <= ratio < 1  # the finest steps that leave it below 1
    assert block.mixer.score.multiplier / 2.0**block.mixer.score.shift == 2.0**-10 * 4**-0.5 / 2.0**-6
    assert block.mixer.out.multiplier / 2.0**block.mixer.out.shift == 2.0**-4
    assert graph.embed.tolist() == np.clip(np.rint(tensors["model.embed_tokens.weight"] * 16.0), -128, 127).tolist()
    assert graph.formats.embed_shift == 1
    gains = tensors["model.layers.1.mlp.ffn_sub_norm.weight"].astype(np.float64)
    assert block.mlp.sub_norm.tolist() == np.rint(gains * 16 * 16).tolist()  # steps of 2**-4, 4 bits of fraction
    assert graph.formats.epsilon == round(16e-5 * 32**2)
    assert graph.logit_step == tensors["lm_head.weight"].step * 2.0**-5


def test_lower_bounds_rise_with_the_layers():
    config, tensors = random_model(np.random.default_rng(0), replace(RECURRENT, layers=4), "silu")
    bounds = np.array([block.mixer.bound for block in quantise(config, tensors).blocks])
    share = np.exp(tensors["model.lower_bounds"].astype(np.float64))
    share /= share.sum(axis=0)
    want = share.cumsum(axis=0) - share[0]
    assert np.abs(bounds - 4096 * want).max() <= 0.5
    assert not bounds[0].any()
    assert (np.diff(bounds, axis=0) > 0).all()


def test_rescale_is_the_nearest_of_its_shifts():
    assert rescale(0.5, "x") == Scale(1 << 15, 16)
    assert rescale(2**-17, "x") == Scale(1 << 14, 31)
    assert rescale(2**-17, "x", 79) == Scale(1 << 15, 32)
    for ratio in (0.3, 1e-3, 7e-5, 1e-9):
        scale = rescale(ratio, "x", 79)
        assert abs(Fraction(scale.multiplier, 1 << scale.shift) / Fraction(ratio) - 1) <= Fraction(1, 1 << 16)
    for ratio in (1.0, 0.0, -1.0, 1 - 2.0**-20):
        with pytest.raises(
            ModelError, match=r"^x: rescale ratio must be .*below 1, not .*; check the steps around it$"
        ):
            rescale(ratio, "x")


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


Q = "model.layers.0.self_attn.q_proj.weight"
WRONG = {
    "format": (edit(["format"], "x"), "m.json: format must be 'gatewright-lm-1', not 'x'"),
    "family": (edit(["family"], "rnn"), "m.json: family must be transformer or mlgru, not 'rnn'"),
    "no family": (edit(["family"], None), "m.json: family is missing"),
    "heads": (edit(["geometry", "kv_heads"], 3), "m.json: geometry.heads must be a multiple of kv_heads = 3, not 4"),
    "head_dim": (edit(["geometry", "head_dim"], 3), "m.json: geometry.head_dim must be even, not 3"),
    "zero": (edit(["geometry", "ff"], 0), "m.json: geometry.ff must be at least 1, not 0"),
    "size": (edit(["geometry", "dim"], 1.5), "m.json: geometry.dim must be an integer, not 1.5"),
    "gate": (edit(["gate"], "gelu"), "m.json: gate must be relu2 or silu, not 'gelu'"),
    "head": (edit(["head"], "own"), "m.json: head must be tied or untied or int8, not 'own'"),
    "act": (edit(["act"], "float"), "m.json: act must be static or dynamic, not 'float'"),
    "epsilon": (edit(["epsilon"], -1), "m.json: epsilon must be positive and finite, not -1"),
    "base": (edit(["rope_base"], None), "m.json: rope_base is missing"),
    "step": (edit(["steps", "ffn_norm"], None), "m.json: steps.ffn_norm is missing"),
    "power": (edit(["steps", "gate"], 0.3), "m.json: steps.gate must be a power of two in 2**-16..1, not 0.3"),
    "embed": (edit(["steps", "embed"], 0.3), "m.json: steps.embed must be residual = 0.03125 times 1 to 256, not 0.3"),
    "blocks": (
        edit(["steps", "blocks"], []),
        "m.json: steps.blocks must hold an entry for each of 2 layers, not 0",
    ),
    "block key": (edit(["steps", "blocks", 1, "z"], 1), "m.json: steps.blocks[1].z is unknown; known here are k, q,"),
    "width": (edit(["widths"], {"gate_bits": 1.5}), "m.json: widths.gate_bits must be an integer, not 1.5"),
    "width key": (edit(["widths"], {"rope_shift": 8}), "m.json: widths.rope_shift is unknown; known here are "),
    "key": (edit(["bias"], True), "m.json: bias is unknown; known here are "),
    "unknown tensor": (
        tensor("model.layers.2.mlp.up_proj.weight", np.zeros((20, 16), np.float32)),
        "m.safetensors: tensor model.layers.2.mlp.up_proj.weight is unknown to this configuration; remove it",
    ),
    "missing tensor": (tensor(Q, None), f"m.safetensors: tensor {Q} of shape (16, 16) is missing"),
    "shape": (tensor(Q, np.ones((4, 4), np.uint8)), f"tensor {Q} must have the shape (16, 16), not (16, 4)"),
    "float shape": (tensor(Q, np.ones((4, 4), np.float32)), f"tensor {Q} must have the shape (16, 16), not (4, 4)"),
    "no scale": (
        tensor(f"{Q}_scale", None),
        f"tensor {Q} is packed and must have a positive number {Q}_scale beside it",
    ),
    "scale": (
        tensor(f"{Q}_scale", np.array([-1], np.float32)),
        f"tensor {Q} is packed and must have a positive number {Q}_scale beside it",
    ),
    "code": (tensor(Q, np.full((4, 16), 255, np.uint8)), f"tensor {Q}: hf_bitnet: word 255 at (0, 0) stands for no "),
    "type": (tensor("model.norm.weight", np.ones(16, np.int8)), "tensor model.norm.weight must be of a floating-point"),
    "infinite": (
        tensor("model.norm.weight", np.full(16, np.inf, np.float32)),
        "tensor model.norm.weight must be finite",
    ),
    "gain": (
        tensor("model.norm.weight", np.full(16, 4.1, np.float32)),
        "random: norm gain must lie in -2048..2047, not 2099",
    ),
    "ratio": (
        tensor("model.layers.1.mlp.up_proj.weight_scale", np.array([3], np.float32)),
        "model.layers.1.mlp.up_proj: rescale ratio must be above 0 and below 1, not 6; check the steps around it",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_gets_one_line(tmp_path, model, case):
    change, message = WRONG[case]
    config, tensors = json.loads(json.dumps(model[0].content())), stored(model[1])
    change(config, tensors)
    path = save(tmp_path, config, tensors)
    with pytest.raises(ModelError) as caught:
        load_lm(path)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_recurrent_model_takes_no_heads():
    config, _ = random_model(np.random.default_rng(0), RECURRENT, "silu")
    content = copy.deepcopy(config.content())
    content["geometry"]["heads"] = 2
    with pytest.raises(ModelError, match=r"^m: geometry\.heads is unknown"):
        parse_config(content, "m")
    content = copy.deepcopy(config.content())
    content["steps"]["state"] = 0.3
    with pytest.raises(ModelError, match=r"^m: steps\.middle must be state = 0\.3 times 1 to 256, not "):
        parse_config(content, "m")
    with pytest.raises(ModelError, match=r"^heads must be 0 in family mlgru, not 2$"):
        replace(RECURRENT, heads=2)


def test_tensor_files_give_one_line(tmp_path):
    path = tmp_path / "t.safetensors"
    with pytest.raises(ModelError, match=r"^tensors .*t\.safetensors can't be read: No such file or directory$"):
        TensorFile(path)
    for content, message in (
        (b"abc", "its header does not fit"),
        (b"\xff" * 16, "its header does not fit"),
        (b"\x02" + bytes(7) + b"{x", "its header is no JSON"),
        (b"\x02" + bytes(7) + b"[]", "its header is no object"),
    ):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=rf"t\.safetensors is no safetensors file: {message}$"):
            TensorFile(path)
    for item, message in (
        ({"dtype": "F8", "shape": [1], "data_offsets": [0, 1]}, "must be of type F64, F32, .*, not F8"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, r"of shape \(2,\) does not fit its place in the file"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}, r"of shape \(1,\) does not fit its place in the file"),
        ({"dtype": "F32", "shape": [1]}, "is described wrongly: KeyError"),
    ):
        header = json.dumps({"a": item}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
        with pytest.raises(ModelError, match=rf"^t\.safetensors: tensor a {message}"):
            TensorFile(path)


def test_tensor_files_read_parts_and_bfloat16(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(4, 3)
    numpy_file.save_file({"a": array, "b": array.astype(np.float16)}, tmp_path / "t.safetensors")
    file = TensorFile(tmp_path / "t.safetensors")
    assert (set(file), len(file)) == ({"a", "b"}, 2)
    assert file.rows("a", 1, 3).tolist() == array[1:3].tolist()
    assert file["b"].tolist() == array.tolist()
    words = (array.view(np.uint32) >> 16).astype("<u2")
    header = json.dumps({"c": {"dtype": "BF16", "shape": [4, 3], "data_offsets": [0, 24]}}).encode()
    (tmp_path / "u.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + words.tobytes())
    both = TensorFile(tmp_path / "t.safetensors", tmp_path / "u.safetensors")
    assert both["c"].tolist() == both["a"].tolist()
    assert both.rows("c", 2, 9).tolist() == array[2:].tolist()
    with pytest.raises(ModelError, match=r"^t\.safetensors: tensor a is in t\.safetensors already$"):
        TensorFile(tmp_path / "t.safetensors", tmp_path / "t.safetensors")


def test_graphs_refuse_parts_that_do_not_fit(model):
    graph = quantise(*model)
    blocks = tuple(graph.blocks)
    recurrent = quantise(*random_model(np.random.default_rng(0), RECURRENT, "silu"))
    for message, changes in {
        "blocks must be 2, not 1": {"blocks": blocks[:1]},
        r"embed must be int8 of the shape \(12, 16\), not int64 of \(12, 16\)": {"embed": graph.embed.astype(int)},
        "block 0 must be one of family transformer": {"blocks": (recurrent.blocks[0], blocks[1])},
        r"norm gain must have the shape \(16,\), not \(8,\)": {"norm": graph.norm[:8]},
    }.items():
        with pytest.raises(ModelError, match=f"^random: {message}$"):
            replace(graph, **changes)
    with pytest.raises(ModelError, match=r"^q: weights must be int8 of -1, 0 and 1$"):
        TernaryLinear("q", np.full((2, 2), 2, np.int8), Scale(1, 16))
    with pytest.raises(ModelError, match=r"^rescale: shift must lie in 16\.\.79, not 15$"):
        Scale(1, 15)
    slow = replace(blocks[0].mlp, down=replace(blocks[0].mlp.down, scale=Scale(1, 40)))
    with pytest.raises(ModelError, match=r"down_proj: shift must lie in 16\.\.31, not 40$"):
        replace(graph, blocks=(replace(blocks[0], mlp=slow), blocks[1]))


def test_all_tensors_have_a_name(model):
    config, tensors = model
    assert set(tensor_shapes(config)) == set(tensors)
    check_names(config, tensors, "m")


def test_blocks_are_built_when_they_are_asked_for(model):
    config, tensors = model
    asked = []

    class Watched(dict):
        def __getitem__(self, name):
            asked.append(name)
            return super().__getitem__(name)

    graph = quantise(config, Watched(tensors))
    asked.clear()
    graph.blocks[1]
    assert asked
    assert all("layers.1." in name for name in asked)
    assert len(graph.blocks[0:2]) == 2
    with pytest.raises(IndexError):
        graph.blocks[2]
