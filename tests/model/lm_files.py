# SPDX-License-Identifier: BSD-2-Clause
"""A small BitNet transformer of random numbers, as tensors under the names of Hugging Face's checkpoints."""

import json

import numpy as np
import pytest

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
