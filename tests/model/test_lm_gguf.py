# SPDX-License-Identifier: BSD-2-Clause
"""Import of BitNet models from GGUF: files that the tests write with the public packages."""

import numpy as np
import pytest
from tests.model.lm_files import CONFIG, GAINS, LAYERS, MATRICES, TOKENS, VOCAB, packed, save, trits_of

from gatewright.gen.model.gguf_file import GgufFile
from gatewright.gen.model.import_gguf_lm import load_gguf_lm, read_gguf_lm
from gatewright.gen.model.import_hf_bitnet import load_hf_bitnet
from gatewright.gen.model.import_lm import quantise
from gatewright.gen.model.lm_float import float_logits
from gatewright.gen.model.lm_golden import prefill
from gatewright.hw.core.errors import ModelError
from gatewright.hw.ternary.packing import encode

gguf = pytest.importorskip("gguf")

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
