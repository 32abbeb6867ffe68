# SPDX-License-Identifier: BSD-2-Clause
"""What integers cost a language model: the same model file in real numbers and as the integer graph, on a text."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from gatewright.gen.model.import_lm import load_lm, read_lm
from gatewright.gen.model.lm_float import float_bits_per_byte, float_logits
from gatewright.gen.model.lm_golden import prefill
from gatewright.gen.model.lm_text import bits_per_byte
from gatewright.gen.presets import folder


@dataclass(frozen=True)
class LmAccuracy:
    """Figures of a comparison.

    Attributes
    ----------
    tokens : int
        Scored ones.
    float_bits, integer_bits : float
        Bits per byte of the file taken at its word, ternary weights and all, and of the integer graph.
    agreement : float
        Share of the first context's tokens after which both expect the same next.
    """

    tokens: int
    float_bits: float
    integer_bits: float
    agreement: float

    def __str__(self) -> str:
        return (
            f"{self.tokens} bytes: the model file in float {self.float_bits:.4f} bits per byte, "
            f"integers {self.integer_bits:.4f}; they agree on {self.agreement:.1%} of next bytes"
        )


def held_out_text() -> np.ndarray:
    """Give the held-out text of the models that are trained on the King James Bible."""
    with np.load(folder() / "kjv_held_out.npz") as arrays:
        text: np.ndarray = arrays["text"].astype(np.int64)
    return text


def measure(path: Path | str, text: ArrayLike) -> LmAccuracy:
    """Compare real and integer results of a model file on a text."""
    config, tensors = read_lm(path)
    graph, tokens = load_lm(path), np.asarray(text)
    first = tokens[: config.geometry.context]
    both = float_logits(config, tensors, first).argmax(axis=1), prefill(graph, first)[1].argmax(axis=1)
    return LmAccuracy(
        tokens=len(tokens) - 1,
        float_bits=float_bits_per_byte(config, tensors, tokens),
        integer_bits=bits_per_byte(graph, tokens),
        agreement=float(np.mean(both[0] == both[1])),
    )
