# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the ternary core: integer matrix products, and the bookkeeping of loaded weights."""

import numpy as np

from gatewright.hw.accel.ternary_core.config import WORD_BYTES, TernaryCoreConfig
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.ternary.ternary_matvec.golden import unpack


def matrix_of(config: TernaryCoreConfig, octets: bytes) -> Ints:
    """Read the matrix (out_features, in_features) out of the octets that fill the store."""
    words = np.frombuffer(octets[: config.load_bytes], np.uint8).reshape(config.words, -1)
    code = config.code
    bits = np.unpackbits(words, axis=1, count=code.bits * code.count, bitorder="little").astype(np.int64)
    codes = bits.reshape(config.words, *code.shape, code.bits) @ (1 << np.arange(code.bits))
    trits = unpack(config.matvec, codes).reshape(config.blocks, -1, config.matvec.block)
    return trits.transpose(1, 0, 2).reshape(trits.shape[1], -1)[: config.out_features, : config.in_features]


def golden(config: TernaryCoreConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Answer every good packet: a run with sums and cycles, a load with the loads that still lack."""
    beats = inputs["i"]
    loads = beats.get("load", np.zeros_like(beats["last"]))
    matrix = None if config.loaded else config.matrix
    weights, missing, replies = b"", config.loads, []
    for span in packets(beats):
        if not beats["good"][span.stop - 1]:
            continue
        octets = beats["data"][span]
        if loads[span.stop - 1]:
            weights = (weights if missing else b"") + octets.astype(np.int8).tobytes()
            missing = (missing or config.loads) - 1
            matrix = None if missing else matrix_of(config, weights)
            replies.append(missing.to_bytes(WORD_BYTES, "little"))
        elif matrix is None:
            replies.append(bytes(WORD_BYTES))
        else:
            sums = (matrix @ octets).astype("<i4").tobytes()
            replies.append(sums + config.run_cycles.to_bytes(WORD_BYTES, "little"))
    ends = [np.arange(len(reply)) == len(reply) - 1 for reply in replies]
    return {
        "o": {
            "data": np.frombuffer(b"".join(replies), np.int8).astype(np.int64),
            "last": np.concatenate([np.zeros(0), *ends]).astype(np.int64),
        }
    }
