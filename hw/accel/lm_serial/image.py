# SPDX-License-Identifier: BSD-2-Clause
"""A model's constants as the words that `lm_serial` loads."""

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.constants import EMBED_DIGITS, ROW_DIGITS, unpack_trits
from gatewright.hw.accel.lm_serial.tape import MATRICES, Step, pack_octets, pack_rows, steps
from gatewright.hw.accel.vit_core.constants import unpack_rows
from gatewright.hw.core.numerics import Ints

LAYER_MATRICES = (Step.OUT, Step.GATE, Step.DOWN)  # behind that of queries, keys and values


def image(core: LmCoreConfig) -> NDArray[np.uint16]:
    """Lay the constants of a model out: tape, embeddings, cosines and sines.

    Parameters
    ----------
    core : LmCoreConfig
        The model for the other core, a pair of outputs a cycle.
    """
    gains = {
        Step.NORM: unpack_rows(core.gains[:-1:2], ROW_DIGITS), Step.FFN_IN: unpack_rows(core.gains[1:-1:2], ROW_DIGITS),
        Step.MIXER_NORM: unpack_rows(core.mixer_gains, ROW_DIGITS),
        Step.FFN_NORM: unpack_rows(core.ffn_gains, ROW_DIGITS),
        Step.LAST: np.repeat(unpack_rows(core.gains[-1:], ROW_DIGITS), core.layers + 1, axis=0),
    }  # fmt: skip
    parts: list[Ints] = []
    for layer, step in steps(core):
        if step in gains:
            parts.append(gains[step][layer])
        elif step == Step.ATTEND:
            parts.append(np.array(core.attention_scales[layer]))
        elif step in MATRICES:
            parts += _matrix(core, layer, step)
    cos, sin = core.rope.table
    parts += [pack_octets(unpack_rows(core.embed, EMBED_DIGITS)), np.stack([cos, sin], axis=-1).ravel()]
    return (np.concatenate(parts) & 0xFFFF).astype(np.uint16)


def _matrix(core: LmCoreConfig, layer: int, step: Step) -> list[Ints]:
    """Give a matrix's scales and rows."""
    if step == Step.HEAD:
        return [pack_rows(unpack_trits(core, len(core.weights) - 1))]
    if step in LAYER_MATRICES:
        place = 1 + LAYER_MATRICES.index(step)
        rows = unpack_trits(core, 4 * layer + place)
        scales = core.scales[6 * layer + 2 + place]
        return [np.array(scales if step == Step.GATE else scales[:2]), pack_rows(rows)]
    ends = np.cumsum([core.mixed, core.cached])
    place = (Step.QUERY, Step.KEY, Step.VALUE).index(step)
    rows = np.split(unpack_trits(core, 4 * layer), ends)[place]
    return [np.array(core.scales[6 * layer + place][:2]), pack_rows(rows)]
