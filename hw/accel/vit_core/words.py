# SPDX-License-Identifier: BSD-2-Clause
"""Lay a model's matrices out as beats of the core's streams, and as the words of its constant memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.accel.vit_core.program import Kind
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort
from gatewright.hw.moe.linear.words import param_beats, weight_beats

PARAM_FIELDS = (("bias", 8), ("multiplier", 4), ("shift", 2))  # name, hexadecimal digits


def matrix_beats(config: Any, kind: Kind, matrix: Ints) -> Beats:
    """Give the beats of ``i_w`` for a matrix (outputs, inputs) of some kind of jobs."""
    inputs = config.blocks(kind) * config.inputs_per_cycle
    # A task with few classes has a head of as many outputs as that with most.
    padded = np.pad(matrix, ((0, config.outputs_of(kind) - len(matrix)), (0, inputs - matrix.shape[1])))
    return _closed(weight_beats(config.linear, padded))


def column_beats(config: Any, kind: Kind, bias: Ints, multiplier: Ints, shift: Ints) -> Beats:
    """Give the beats of ``i_param`` for the outputs of such a matrix."""
    fill = (0, config.outputs_of(kind) - len(bias))
    return _closed(param_beats(config.linear, *(np.pad(column, fill) for column in (bias, multiplier, shift))))


def _closed(beats: Beats) -> Beats:
    """Mark the last beat of all."""
    count = len(next(iter(beats.values())))
    return {**beats, "final": (np.arange(count) == count - 1).astype(np.int64)}


def pack_matrix(matrix: NDArray[np.integer]) -> str:
    """Write a matrix of int8 or trits as an element of the parameter ``weights``."""
    return np.asarray(matrix, np.int8).tobytes().hex()


def unpack_matrix(config: Any, number: int) -> Ints:
    """Read one back: (outputs, inputs)."""
    kind = config.matrices[number].kind
    octets = np.frombuffer(bytes.fromhex(config.weights[number]), np.int8).astype(np.int64)
    return octets.reshape(-1, config.inputs_of(kind))


def pack_columns(bias: Ints, multiplier: Ints, shift: Ints) -> str:
    """Write the parameters of a matrix's outputs as an element of ``params``."""
    columns = zip(bias.tolist(), multiplier.tolist(), shift.tolist(), strict=True)
    return "".join(f"{b & 0xFFFFFFFF:08x}{m:04x}{s:02x}" for b, m, s in columns)


def unpack_columns(config: Any, number: int) -> dict[str, Ints]:
    """Read them back, each (outputs,)."""
    text, found, size = config.params[number], {}, sum(digits for _, digits in PARAM_FIELDS)
    at = 0
    for name, digits in PARAM_FIELDS:
        values = [int(text[start + at : start + at + digits], 16) for start in range(0, len(text), size)]
        found[name] = np.array(values, np.int64)
        at += digits
    found["bias"] = np.where(found["bias"] >> 31, found["bias"] - (1 << 32), found["bias"])
    return found


def store_words(config: Any, param: bool) -> tuple[int, ...]:
    """Give the words of the constant memory of weights or parameters: a beat each, its flags on top."""
    words: list[int] = []
    for number, matrix in enumerate(config.matrices):
        if param:
            beats = column_beats(config, matrix.kind, **unpack_columns(config, number))
            fields = config.linear.inputs[-1].fields
        else:
            beats = matrix_beats(config, matrix.kind, unpack_matrix(config, number))
            fields = (config.linear.code, PayloadField("last", 1))
        words += StreamPort("words", (*fields, PayloadField("final", 1))).pack(beats)
    return tuple(words)
