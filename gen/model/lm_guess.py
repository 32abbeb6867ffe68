# SPDX-License-Identifier: BSD-2-Clause
"""Steps for language models whose files know none: from weights and gains alone, as if features were independent.

Models of BitNet quantise each row before a linear layer by its own largest magnitude, so their activations are
dynamic here. What lies between (queries, keys, values, gates, the residual stream) they keep in floating point, and
nobody has bounded it: a real text may reach further than these guesses. `lm_float.calibrated` measures.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from gatewright.gen.model.import_lm import EMBED, HEAD, LAST, ROWS, Quantiser, check_names
from gatewright.gen.model.lm_config import BLOCK_STEPS, COMMON_STEPS, LmConfig
from gatewright.gen.model.lm_sizes import LmFormats, LmGeometry
from gatewright.gen.model.lm_tensors import Tensors

REACH = 8.0  # standard deviations that a code holds
DENSITY = 0.62  # share of weights that are not zero


def guessed_config(
    name: str,
    geometry: LmGeometry,
    tensors: Tensors,
    gate: Literal["relu2", "silu"],
    head: Literal["tied", "int8"],
    epsilon: float,
    rope_base: float,
    file: str,
) -> LmConfig:
    """Give a transformer of dynamic activations steps that should hold it. Reads gains, matrices' steps, embeddings.

    Raises
    ------
    ModelError
        ``file`` lacks a tensor, or holds one that is unknown.
    """
    plain = LmConfig(
        name=name,
        geometry=geometry,
        gate=gate,
        head=head,
        act="dynamic",
        epsilon=epsilon,
        rope_base=rope_base,
        steps=dict.fromkeys(COMMON_STEPS["transformer"], 2.0**-5) | {"residual": 2.0**-8},
        block_steps=(dict.fromkeys(BLOCK_STEPS["transformer"], 2.0**-5),) * geometry.layers,
        widths={},
    )
    check_names(plain, [found for found in tensors if head != "tied" or found != HEAD], file)
    parts = Quantiser(plain, tensors)
    form = parts.formats

    def deviation(at: str, norm: str, inputs: int) -> float:
        gains = parts.reals(f"{norm}.weight")
        return parts.step(f"{at}.weight") * math.sqrt(DENSITY * inputs * float(np.mean(gains**2)))

    most = 0.0
    for start in range(0, geometry.vocab, ROWS):
        most = max(most, float(np.abs(parts.rows(EMBED, start, min(start + ROWS, geometry.vocab))).max()))
    blocks, gates, energy = [], [0.0], (most / 4) ** 2
    for layer in range(geometry.layers):
        at = f"model.layers.{layer}"
        first, second, attn = f"{at}.input_layernorm", f"{at}.post_attention_layernorm", f"{at}.self_attn"
        spread = {part: deviation(f"{attn}.{part}_proj", first, geometry.dim) for part in "qkv"}
        spread["up"] = deviation(f"{at}.mlp.up_proj", second, geometry.dim)
        blocks.append({part: REACH * value / _most(part, form) for part, value in spread.items()})
        gates.append(deviation(f"{at}.mlp.gate_proj", second, geometry.dim))
        energy += deviation(f"{attn}.o_proj", f"{attn}.attn_sub_norm", geometry.mixed) ** 2
        energy += deviation(f"{at}.mlp.down_proj", f"{at}.mlp.ffn_sub_norm", geometry.ff) ** 2
    residual, embed = _power(2 * REACH * math.sqrt(energy) / 32767), _power(most / 127)
    embed = max(embed, residual)
    gate_step = min(max(_power(REACH * max(gates) / _most("gate", form)), 2.0**-16), 1.0)
    last = float(np.sqrt(np.mean(parts.reals(LAST) ** 2)))
    steps = plain.steps | {
        "residual": max(residual, embed / 256),
        "embed": embed,
        "norm": 2.0 ** round(math.log2(REACH * last / 127)),
        "score": score_step(2.0**-6, blocks, geometry.head_dim),
        "gate": gate_step,
        "middle": middle_step(gate, gate_step, form),
    }
    return replace(plain, steps=steps, block_steps=tuple(blocks))


def score_step(wanted: float, blocks: Sequence[dict[str, float]], head_dim: int) -> float:
    """Give the least power of two from ``wanted`` on that leaves the rescales of all scores below 1."""
    most = max(block["q"] * block["k"] for block in blocks) * head_dim**-0.5
    return min(max(_power(wanted), _power(1.001 * most)), 1.0)


def middle_step(gate: str, step: float, form: LmFormats) -> float:
    """Give the step of a gate's function that holds it up to the end of its argument."""
    most = step * 2 ** (form.gate_bits - 1)
    wanted = most**2 / 2**form.middle_bits if gate == "relu2" else most / 2 ** (form.middle_bits - 1)
    return min(max(_power(wanted), 2.0**-16), 1.0)


def _most(part: str, form: LmFormats) -> int:
    return (1 << ({"up": form.up_bits, "gate": form.gate_bits}.get(part, 8) - 1)) - 1


def _power(value: float) -> float:
    return 2.0 ** math.ceil(math.log2(value or 1.0))
