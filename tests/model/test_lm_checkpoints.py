# SPDX-License-Identifier: BSD-2-Clause
"""Import of BitNet checkpoints: files that the tests write with the public packages."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gatewright.gen.model.gguf_file import GgufFile
from gatewright.gen.model.import_gguf_lm import load_gguf_lm, read_gguf_lm
from gatewright.gen.model.import_hf_bitnet import load_hf_bitnet, read_hf_bitnet
from gatewright.gen.model.import_lm import quantise
from gatewright.gen.model.lm_float import calibrated, float_logits
from gatewright.gen.model.lm_golden import fresh_state, prefill, step
from gatewright.hw.core.errors import ModelError
from gatewright.hw.ternary.packing import encode

numpy_file = pytest.importorskip("safetensors.numpy", reason="safetensors")

DIM, FF, VOCAB, LAYERS = 32, 48, 40, 2
CONFIG = {
    "architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_size": DIM, "intermediate_size": FF,
    "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "relu2",
    "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "vocab_size": VOCAB, "max_position_embeddings": 16,
    "tie_word_embeddings": True,
    "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"},
}  # fmt: skip
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 39, 0]
MATRICES = {
    "self_attn.q_proj": (DIM, DIM), "self_attn.k_proj": (DIM // 2, DIM), "self_attn.v_proj": (DIM // 2, DIM),
    "self_attn.o_proj": (DIM, DIM), "mlp.gate_proj": (FF, DIM), "mlp.up_proj": (FF, DIM), "mlp.down_proj": (DIM, FF),
}  # fmt: skip
GAINS = {
    "input_layernorm": DIM, "post_attention_layernorm": DIM, "self_attn.attn_sub_norm": DIM, "mlp.ffn_sub_norm": FF,
}  # fmt: skip


def trits_of(rng, shape):
    return rng.choice(np.array([-1, 0, 1], np.int8), shape, p=(0.31, 0.38, 0.31))


def checkpoint(rng):
    """Give trits with their steps, and all tensors that are no matrices of a block."""
    matrices, rest = {}, {
        "model.embed_tokens.weight": rng.standard_normal((VOCAB, DIM)).astype(np.float32),
        "model.norm.weight": (2 + rng.standard_normal(DIM) * 0.2).astype(np.float32),
    }  # fmt: skip
    for layer in range(LAYERS):
        at = f"model.layers.{layer}"
        for name, shape in MATRICES.items():
            matrices[f"{at}.{name}.weight"] = trits_of(rng, shape), np.float32(rng.uniform(0.5, 2) * shape[1] ** -0.5)
        for name, count in GAINS.items():
            scale = rng.choice([0.1, 1, 3])
            rest[f"{at}.{name}.weight"] = (scale * (1 + 0.2 * rng.standard_normal(count))).astype(np.float32)
    return matrices, rest


def packed(matrices, rest, divides=False):
    found = dict(rest)
    for name, (trits, scale) in matrices.items():
        found[name] = encode("hf_bitnet", trits)
        found[f"{name}_scale"] = np.array([1 / scale if divides else scale], np.float32)
    return found


def save(folder, config, tensors):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    numpy_file.save_file(tensors, folder / "model.safetensors")
    return folder


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
import json, resource, sys
from pathlib import Path
import numpy as np
from gatewright.gen.model.import_hf_bitnet import load_hf_bitnet
graph = load_hf_bitnet(Path(sys.argv[1]))
trits = 0
for layer, block in enumerate(graph.blocks):
    for part in (*vars(block.mixer).values(), *vars(block.mlp).values()):
        trits += part.weights.size if hasattr(part, "weights") else 0
print(trits, graph.weights, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
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


@pytest.mark.parametrize(
    ("layers", "vocab", "most"), [(3, 2000, 900), pytest.param(30, 128256, 1500, marks=pytest.mark.slow)]
)
def test_a_checkpoint_of_the_shape_of_2b4t_imports_layer_by_layer(tmp_path, layers, vocab, most):
    write_shaped(tmp_path, layers, vocab)
    text = subprocess.run(
        [sys.executable, "-c", SHAPED, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    trits, weights, megabytes = map(int, text.split())
    assert trits == weights == layers * (2 * 2560 * 2560 + 2 * 640 * 2560 + 3 * 2560 * 6912)
    assert megabytes < most


# --- GGUF ---

GGUF_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.attn_sub_norm": "attn_sub_norm", "mlp.ffn_sub_norm": "ffn_sub_norm",
}  # fmt: skip
WIDE = 256  # rows of GGUF's ternary types are multiples of it


def gguf_model(rng, arch="bitnet"):
    """Give metadata, matrices as trits and steps, and the other tensors, of a small model under GGUF's names."""
    values = {
        "context_length": 16, "embedding_length": WIDE, "block_count": LAYERS, "feed_forward_length": WIDE,
        "attention.head_count": 4, "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-5,
        "rope.freq_base": 10000.0,
    }  # fmt: skip
    rest = {
        "token_embd.weight": rng.standard_normal((VOCAB, WIDE)).astype(np.float16),
        "output_norm.weight": np.ones(WIDE, np.float32),
    }
    matrices = {}
    for layer in range(LAYERS):
        for name in MATRICES:
            shape = (WIDE // 2, WIDE) if name in ("self_attn.k_proj", "self_attn.v_proj") else (WIDE, WIDE)
            matrices[f"blk.{layer}.{GGUF_NAMES[name]}.weight"] = trits_of(rng, shape), 2.0 ** -rng.integers(3, 5)
        for name in GAINS:
            gains = 1 + 0.2 * rng.standard_normal(WIDE)
            rest[f"blk.{layer}.{GGUF_NAMES[name]}.weight"] = gains.astype(np.float32)
    return {f"{arch}.{key}": value for key, value in values.items()} | {"arch": arch}, matrices, rest


def write_gguf(path, values, matrices, rest, kind="tq2_0"):
    """Write with the public package; of I2_S it knows nothing but bytes."""
    gguf = pytest.importorskip("gguf", reason="gguf")
    writer = gguf.GGUFWriter(path, values["arch"])
    for key, value in values.items():
        if key != "arch":
            (writer.add_float32 if isinstance(value, float) else writer.add_uint32)(key, value)
    writer.add_token_list([f"<{index}>".encode() for index in range(VOCAB)])  # arrays of strings must be passed over
    writer.add_array("tokenizer.ggml.scores", [0.5] * VOCAB)
    for name, value in rest.items():
        writer.add_tensor(name, value)
    types = {"tq1_0": gguf.GGMLQuantizationType.TQ1_0, "tq2_0": gguf.GGMLQuantizationType.TQ2_0}
    for name, (trits, scale) in matrices.items():
        real = (trits * scale).astype(np.float32)
        if kind == "float":
            writer.add_tensor(name, real)
        else:
            writer.add_tensor(name, gguf.quants.quantize(real, types[kind]), raw_dtype=types[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def i2_s_from(path, matrices):
    """Rewrite a file of TQ2_0 by hand as one of I2_S: the header's types and places, then the data."""
    file = GgufFile(path)
    data, raw = bytearray(), path.read_bytes()[: file.start]
    for name, tensor in file.tensors.items():
        place = raw.index(len(name).to_bytes(8, "little") + name.encode()) + 8 + len(name)
        place += 4 + 8 * len(tensor.shape)
        if name in matrices:
            trits, scale = matrices[name]
            content = encode("i2_s", trits).tobytes() + np.float32(scale).tobytes() + bytes(28)
            raw = raw[:place] + (36).to_bytes(4, "little") + raw[place + 4 :]
        else:
            content = file.raw(name).tobytes()
        raw = raw[: place + 4] + len(data).to_bytes(8, "little") + raw[place + 12 :]
        data += content + bytes(-len(content) % 32)
    path.write_bytes(
        raw.replace(b"\x06\x00\x00\x00\x00\x00\x00\x00bitnet", b"\x06\x00\x00\x00\x00\x00\x00\x00bitnet") + data
    )
    return path


@pytest.mark.parametrize("kind", ["tq1_0", "tq2_0", "i2_s"])
@pytest.mark.parametrize("arch", ["bitnet", "bitnet-b1.58"])
def test_gguf_files_give_the_trits_that_were_written(tmp_path, kind, arch):
    values, matrices, rest = gguf_model(np.random.default_rng(0), arch)
    path = write_gguf(tmp_path / "m.gguf", values, matrices, rest, "tq2_0" if kind == "i2_s" else kind)
    if kind == "i2_s":
        i2_s_from(path, matrices)
    config, tensors = read_gguf_lm(path)
    assert (config.gate, config.head, config.act) == ("silu" if arch == "bitnet" else "relu2", "tied", "dynamic")
    graph = quantise(config, tensors)
    assert (graph.geometry.vocab, graph.geometry.kv_heads, graph.geometry.head_dim) == (VOCAB, 2, 64)
    for layer, block in enumerate(graph.blocks):
        for name, found in (("attn_k", block.mixer.k), ("ffn_down", block.mlp.down)):
            assert found.weights.tolist() == matrices[f"blk.{layer}.{name}.weight"][0].tolist()
    real = float_logits(config, tensors, TOKENS)
    logits = prefill(graph, TOKENS)[1] * graph.logit_step
    assert np.sqrt(np.mean((logits - real) ** 2)) < 0.3 * real.std()


def test_gguf_and_safetensors_of_one_model_agree(tmp_path):
    values, matrices, rest = gguf_model(np.random.default_rng(0), "bitnet-b1.58")
    path = write_gguf(tmp_path / "m.gguf", values, matrices, rest)
    names = {new: old for old, new in GGUF_NAMES.items()}

    def other(name):
        if name.startswith("blk"):
            _, layer, part, end = name.split(".")
            return f"model.layers.{layer}.{names[part]}.{end}"
        return {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}[name]

    tensors = packed(
        {other(name): (trits, np.float32(scale)) for name, (trits, scale) in matrices.items()},
        {other(name): value for name, value in rest.items()},
    )
    config = CONFIG | {"hidden_size": WIDE, "intermediate_size": WIDE, "rope_theta": 10000.0}
    first = load_gguf_lm(path)
    second = load_hf_bitnet(save(tmp_path / "m", config, tensors))
    assert first.formats == second.formats
    np.testing.assert_array_equal(prefill(first, TOKENS)[1], prefill(second, TOKENS)[1])


def test_extra_scales_of_gguf_are_factors(tmp_path):
    values, matrices, rest = gguf_model(np.random.default_rng(0))
    plain = read_gguf_lm(write_gguf(tmp_path / "a.gguf", values, matrices, rest))[1]
    rest["blk.1.ffn_up.scale"] = np.array([3.0], np.float32)
    scaled = read_gguf_lm(write_gguf(tmp_path / "b.gguf", values, matrices, rest))[1]
    name = "model.layers.1.mlp.up_proj.weight"
    assert scaled[name].step == 3 * plain[name].step


def test_float_matrices_of_gguf_are_rounded(tmp_path):
    values, matrices, rest = gguf_model(np.random.default_rng(0))
    graph = load_gguf_lm(write_gguf(tmp_path / "a.gguf", values, matrices, rest, "float"))
    assert graph.blocks[0].mixer.q.weights.tolist() == matrices["blk.0.attn_q.weight"][0].tolist()


def test_what_is_wrong_in_gguf_gets_one_line(tmp_path):
    values, matrices, rest = gguf_model(np.random.default_rng(0))
    path = write_gguf(tmp_path / "m.gguf", values, matrices, rest)
    content = path.read_bytes()

    def refused(message, data=None, file=path):
        if data is not None:
            file.write_bytes(data)
        with pytest.raises(ModelError) as caught:
            load_gguf_lm(file)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)

    refused(f"model {tmp_path / 'x.gguf'} can't be read: No such file", file=tmp_path / "x.gguf")
    refused("m.gguf is no GGUF file: it must begin with GGUF", b"GGML" + content[4:])
    refused("m.gguf: GGUF version must be 2 or 3, not 9", content[:4] + b"\x09" + content[5:])
    refused("m.gguf is no whole GGUF file: its header breaks off", content[:300])
    refused("m.gguf: tensor ", content[:-1000])
    refused("m.gguf: general.architecture must be one of bitnet, ", content.replace(b"bitnet", b"nettib", 1))
    refused("m.gguf: bitnet.block_count is missing", content.replace(b"bitnet.block_count", b"bitnet.block_c0unt"))
    uneven = dict(matrices)
    trits, scale = matrices["blk.0.attn_q.weight"]
    scales = np.where(np.arange(WIDE) < 3, 2 * scale, scale)[:, np.newaxis]
    uneven["blk.0.attn_q.weight"] = trits, scales
    write_gguf(path, values, uneven, rest)
    refused("m.gguf: tensor blk.0.attn_q.weight must have one scale in all blocks, not 2 of them")
    write_gguf(path, values, {name: value for name, value in matrices.items() if "1.ffn_up" not in name}, rest)
    with pytest.raises(ModelError, match=r"^m\.gguf: tensor model\.layers\.1\.mlp\.up_proj\.weight .*is missing$"):
        load_gguf_lm(path)
