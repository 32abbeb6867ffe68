# SPDX-License-Identifier: BSD-2-Clause
"""What a language model needs beyond `vit_rows`: dynamic norms, causal softmax, rescales behind a row's scale."""

import numpy as np

from gatewright.gen.model.lm_graph import Scale
from gatewright.gen.model.vit_rows import row_scales
from gatewright.hw.core.numerics import Ints, saturate
from gatewright.hw.nonlinear.norm.config import NormConfig
from gatewright.hw.nonlinear.softmax.config import SoftmaxConfig
from gatewright.hw.nonlinear.softmax.golden import exponentials, rounded
from gatewright.hw.quantise.dequantise.golden import dequantise
from gatewright.hw.quantise.quantise_rows.golden import quantise

INT64_BITS = 62


def norm_rows_dynamic(config: NormConfig, x: Ints, gain: Ints) -> tuple[Ints, Ints]:
    """Normalise and quantise rows ``(..., elements)`` as the room ``norm`` does with a dynamic output.

    Returns
    -------
    q : (..., elements) int64
    scale : (..., 1) int64
        The largest magnitude of each row, in units of ``2**-scale_fraction``.
    """
    assert config.output == "dynamic"
    centred, scale, shift = row_scales(config, x)
    gained = centred * gain
    peak = np.abs(gained).max(axis=-1, keepdims=True)
    q = quantise(gained, peak, config.quantiser.levels)
    wide = [  # one number a row, which can pass 63 bits
        top * factor >> right if right >= 0 else top * factor << -right
        for top, factor, right in zip(
            peak.ravel().tolist(), scale.ravel().tolist(), shift.ravel().tolist(), strict=True
        )
    ]
    return q, np.array(wide, np.int64).reshape(peak.shape)


def causal_softmax_rows(config: SoftmaxConfig, score: Ints, limit: Ints) -> Ints:
    """Give the probabilities of rows ``(..., elements)`` as the room ``softmax`` does by algorithm exact, mask limit.

    Only the first ``limit`` elements of a row count; the others get 0.
    """
    plan = config.plan
    assert config.algorithm == "exact"
    assert plan.falling is not None
    keep = np.arange(score.shape[-1]) < limit[..., np.newaxis]
    highest = np.where(keep, score, -(1 << (config.score_bits - 1))).max(axis=-1, keepdims=True)
    e = np.where(keep, exponentials(plan.falling)[np.where(keep, highest - score, 0)], 0)
    reciprocal = (1 << (plan.fraction_bits + plan.quotient_bits)) // e.sum(axis=-1, keepdims=True)
    product = (e >> (plan.fraction_bits - plan.kept_bits)) * reciprocal
    return rounded(config, product, plan.kept_bits + plan.quotient_bits)


def rescaled(scale: Scale, acc: Ints, bits: int, row: Ints | None = None) -> Ints:
    """Multiply, by the row's scale too if there is one, shift, round half up, saturate."""
    if row is None:
        return saturate((acc * scale.multiplier + (1 << (scale.shift - 1))) >> scale.shift, bits, True)
    reach = int(np.abs(acc).max(initial=0)).bit_length() + int(row.max(initial=0)).bit_length() + 16
    if max(reach, scale.shift) < INT64_BITS:
        return saturate((acc * (row * scale.multiplier) + (1 << (scale.shift - 1))) >> scale.shift, bits, True)
    return dequantise(acc, row, np.array(scale.multiplier), np.array(scale.shift), "half_up", bits)
