# SPDX-License-Identifier: BSD-2-Clause
"""Import of BitNet checkpoints: files that the tests write with the public packages."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.model.lm_files import CONFIG, DIM, FF, GAINS, LAYERS, TOKENS, VOCAB, checkpoint, numpy_file, packed, save

from gatewright.gen.model.import_hf_bitnet import load_hf_bitnet, read_hf_bitnet
from gatewright.gen.model.import_lm import quantise
from gatewright.gen.model.lm_float import calibrated, float_logits
from gatewright.gen.model.lm_golden import fresh_state, prefill, step
from gatewright.hw.core.errors import ModelError


@pytest.fixture
def parts():
    return checkpoint(np.random.default_rng(0))


def logits_of(read, place):
    config, tensors = read(place)
    return float_logits(config, tensors, TOKENS)


def test_packed_checkpoints_follow_the_real_numbers(tmp_path, parts):
    place = save(tmp_path / "tiny", CONFIG, packed(*parts))
    config, tensors = read_hf_bitnet(place)
    assert (config.name, config.act, config.gate, config.head) == ("tiny", "dynamic", "relu2", "tied")
    assert config.rope_base == 500000.0
    real = float_logits(config, tensors, TOKENS)
    for used, most in ((config, 0.35), (calibrated(config, tensors, [TOKENS]), 0.2)):
        graph = quantise(used, tensors)
        assert graph.tied
        state, logits = prefill(graph, TOKENS)
        error = np.sqrt(np.mean((logits * graph.logit_step - real) ** 2)) / real.std()
        assert error < most
        again = fresh_state(graph)
        for position, token in enumerate(TOKENS):
            np.testing.assert_array_equal(step(graph, again, token), logits[position])
        assert again.differs(state) is None


def test_trits_of_a_checkpoint_are_those_of_the_graph(tmp_path, parts):
    graph = load_hf_bitnet(save(tmp_path / "tiny", CONFIG, packed(*parts)))
    for layer, block in enumerate(graph.blocks):
        for name, found in (("self_attn.k_proj", block.mixer.k), ("mlp.down_proj", block.mlp.down)):
            assert found.weights.tolist() == parts[0][f"model.layers.{layer}.{name}.weight"][0].tolist()


def test_scales_divide_in_linear_class_bitlinear(tmp_path, parts):
    want = logits_of(read_hf_bitnet, save(tmp_path / "a", CONFIG, packed(*parts)))
    for quantisation in ({"quant_method": "bitnet", "linear_class": "bitlinear"}, {"quant_method": "bitnet"}):
        config = CONFIG | {"quantization_config": quantisation}
        found = logits_of(read_hf_bitnet, save(tmp_path / "b", config, packed(*parts, divides=True)))
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-4)


def test_float_checkpoints_of_both_names_are_rounded(tmp_path, parts):
    matrices, rest = parts
    want = logits_of(read_hf_bitnet, save(tmp_path / "a", CONFIG, packed(*parts)))
    tensors = dict(rest)
    for name, (trits, scale) in matrices.items():  # its mean magnitude is the step
        tensors[name] = (trits * (scale / np.abs(trits).mean())).astype(np.float32)
    config = {key: value for key, value in CONFIG.items() if key not in ("quantization_config", "rope_theta")}
    config["rope_parameters"] = {"rope_theta": 500000.0, "rope_type": "default"}
    found = logits_of(read_hf_bitnet, save(tmp_path / "b", config, tensors))
    np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-3)
    old = {
        name.replace("attn_sub_norm", "inner_attn_ln").replace("ffn_sub_norm", "ffn_layernorm"): value
        for name, value in tensors.items()
    }
    old["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.ones(4, np.float32)
    found = logits_of(read_hf_bitnet, save(tmp_path / "c", config, old))
    np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-3)


def test_heads_of_their_own_become_int8(tmp_path, parts):
    tensors = packed(*parts)
    tensors["lm_head.weight"] = np.random.default_rng(1).standard_normal((VOCAB, DIM)).astype(np.float32)
    graph = load_hf_bitnet(save(tmp_path / "a", CONFIG | {"tie_word_embeddings": False}, tensors))
    assert not graph.tied
    assert np.abs(graph.head.astype(int)).max() == 127
    assert load_hf_bitnet(save(tmp_path / "b", CONFIG, tensors)).tied  # a copy of the embedding is no harm


def test_checkpoints_in_parts_are_one(tmp_path, parts):
    tensors = packed(*parts)
    want = logits_of(read_hf_bitnet, save(tmp_path / "a", CONFIG, tensors))
    names = sorted(tensors)
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    places = {name: f"model-{index % 2 + 1}-of-2.safetensors" for index, name in enumerate(names)}
    for file in set(places.values()):
        numpy_file.save_file({name: tensors[name] for name in names if places[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    np.testing.assert_array_equal(logits_of(read_hf_bitnet, folder), want)


WRONG = {
    "type": ({"model_type": "llama"}, "config.json: model_type must be 'bitnet', not 'llama'"),
    "bias": ({"attention_bias": True}, "config.json: attention_bias must be absent, not True; the graph has no such"),
    "scaling": ({"rope_scaling": {"type": "yarn"}}, "config.json: rope_scaling must be absent, not {'type': 'yarn'}"),
    "rope": (
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}},
        "config.json: rope_parameters.rope_type must be 'default', not 'yarn'",
    ),
    "act": ({"hidden_act": "gelu"}, "config.json: hidden_act must be relu2 or silu, not 'gelu'"),
    "method": (
        {"quantization_config": {"quant_method": "gptq"}},
        "config.json: quantization_config.quant_method must be 'bitnet', not 'gptq'",
    ),
    "heads": ({"num_attention_heads": 5}, "config.json: num_attention_heads must divide hidden_size = 32, not 5"),
    "kv heads": ({"num_key_value_heads": 3}, "config.json: heads must be a multiple of kv_heads = 3, not 4"),
    "layers": ({"num_hidden_layers": 3}, "bad: tensor model.layers.2."),
    "untied": ({"tie_word_embeddings": False}, "bad: tensor lm_head.weight of shape (40, 32) is missing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_in_a_checkpoint_gets_one_line(tmp_path, parts, case):
    changes, message = WRONG[case]
    place = save(tmp_path / "bad", CONFIG | changes, packed(*parts))
    with pytest.raises(ModelError) as caught:
        load_hf_bitnet(place)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.slow  # needs a library of gigabytes that CI does without
def test_transformers_agree(tmp_path):
    """Weights of one magnitude are ternary without rounding, so the library's own forward pass is the reference."""
    transformers = pytest.importorskip("transformers", reason="transformers")
    torch = pytest.importorskip("torch", reason="torch")
    config = transformers.BitNetConfig(
        hidden_size=DIM, intermediate_size=FF, num_hidden_layers=LAYERS, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=VOCAB, max_position_embeddings=16, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.BitNetForCausalLM(config).float().eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "proj" in name:
                p.copy_(torch.where(torch.rand_like(p) < 0.5, -0.25, 0.25))
            elif "norm" in name:
                p.copy_(1 + 0.2 * torch.randn_like(p))
            else:
                p.copy_(torch.randn_like(p))
        want = model(torch.tensor([TOKENS])).logits[0].numpy()
    model.save_pretrained(tmp_path)
    np.testing.assert_allclose(logits_of(read_hf_bitnet, tmp_path), want, rtol=1e-3, atol=2e-3)


SHAPED = """
import sys
from pathlib import Path
import numpy as np
from gatewright.gen.model.import_hf_bitnet import load_hf_bitnet
graph = load_hf_bitnet(Path(sys.argv[1]))
trits = 0
for layer, block in enumerate(graph.blocks):
    for part in (*vars(block.mixer).values(), *vars(block.mlp).values()):
        trits += part.weights.size if hasattr(part, "weights") else 0
# Not ru_maxrss: across exec it keeps the most that the parent held, which wrote the files.
most = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(trits, graph.weights, int(most.split()[1]) // 1024)
"""


def write_shaped(folder, layers, vocab):
    """Write a checkpoint of the shape of BitNet 2B4T, layer by layer: random, and in its packing."""
    dim, ff = 2560, 6912
    words = np.array(
        [a | b << 2 | c << 4 | d << 6 for a in range(3) for b in range(3) for c in range(3) for d in range(3)]
    )
    words, rng, places = words.astype(np.uint8), np.random.default_rng(0), {}
    shapes = {
        "self_attn.q_proj": (dim, dim), "self_attn.k_proj": (640, dim), "self_attn.v_proj": (640, dim),
        "self_attn.o_proj": (dim, dim), "mlp.gate_proj": (ff, dim), "mlp.up_proj": (ff, dim),
        "mlp.down_proj": (dim, ff),
    }  # fmt: skip

    def write(name, tensors):
        numpy_file.save_file(tensors, folder / name)
        places.update(dict.fromkeys(tensors, name))

    write("embed.safetensors", {
        "model.embed_tokens.weight": rng.standard_normal((vocab, dim), np.float32).astype(np.float16),
        "model.norm.weight": np.ones(dim, np.float32),
    })  # fmt: skip
    for layer in range(layers):
        at, tensors = f"model.layers.{layer}", {}
        for name, (outputs, inputs) in shapes.items():
            tensors[f"{at}.{name}.weight"] = words[rng.integers(0, 81, (outputs // 4, inputs), np.uint8)]
            tensors[f"{at}.{name}.weight_scale"] = np.array([1.2], np.float32)
        for name in GAINS:
            tensors[f"{at}.{name}.weight"] = np.ones(ff if name == "mlp.ffn_sub_norm" else dim, np.float32)
        write(f"layer{layer}.safetensors", tensors)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (folder / "config.json").write_text(json.dumps(CONFIG | {
        "hidden_size": dim, "intermediate_size": ff, "num_hidden_layers": layers, "num_attention_heads": 20,
        "num_key_value_heads": 5, "vocab_size": vocab, "max_position_embeddings": 4096,
    }))  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory as Linux tells it")
@pytest.mark.parametrize(
    ("layers", "vocab", "most"), [(3, 2000, 400), pytest.param(30, 128256, 800, marks=pytest.mark.slow)]
)
def test_a_checkpoint_of_the_shape_of_2b4t_imports_layer_by_layer(tmp_path, layers, vocab, most):
    write_shaped(tmp_path, layers, vocab)
    text = subprocess.run(
        [sys.executable, "-c", SHAPED, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    trits, weights, megabytes = map(int, text.split())
    assert trits == weights == layers * (2 * 2560 * 2560 + 2 * 640 * 2560 + 3 * 2560 * 6912)
    assert megabytes < most
