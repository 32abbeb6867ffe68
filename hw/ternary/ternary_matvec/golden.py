# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the ternary matrix-vector unit: unpack, multiply in int64, scale."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.quantise.dequantise.golden import dequantise
from gatewright.hw.ternary.packing.groups import find_group_packing
from gatewright.hw.ternary.ternary_matvec.config import TernaryMatvecConfig
from gatewright.hw.ternary.tlmm.codes import decode


def golden(config: TernaryMatvecConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Multiply vector after vector with the weights that come beside its blocks."""
    weights, sweeps = unpack(config, inputs["i_w"]["code"]), iter(packets(inputs["i_w"]))
    scales = inputs.get("i_group", {}).get("scale")
    results: list[Ints] = []
    scaled = 0  # beats of groups' scales in use so far
    for span in packets(inputs["i_x"]):
        blocks = cut(config, inputs["i_x"]["x"][span])
        parts = [blocks[k] @ weights[next(sweeps)].transpose(0, 2, 1) for k in range(len(blocks))]  # (beats, V, Q)
        if scales is not None:
            size = config.scale_blocks
            parts = [np.sum(parts[start : start + size], axis=0) for start in range(0, len(parts), size)]
            for index, part in enumerate(parts):
                parts[index] = part * scales[scaled : scaled + len(part), np.newaxis]
                scaled += len(part)
        results.append(np.sum(parts, axis=0))
    last = np.concatenate([np.arange(len(result)) == len(result) - 1 for result in results]).astype(np.int64)
    y = np.concatenate(results)
    if config.output == "dequantised":
        y = _real(config, y, inputs["i_scale"], [len(result) for result in results])
    return {"o": {"y": y, "last": last}}


def cut(config: TernaryMatvecConfig, beats: Ints) -> Ints:
    """Give the blocks (blocks, vectors, block) of a vector's beats, zeros behind its end."""
    x = beats.transpose(1, 0, 2).reshape(config.vectors, -1)
    lacking = -x.shape[1] % config.block
    x = np.pad(x, ((0, 0), (0, lacking)))
    return x.reshape(config.vectors, -1, config.block).transpose(1, 0, 2)


def unpack(config: TernaryMatvecConfig, codes: Ints) -> Ints:
    """Give the weights (beats, outputs_per_cycle, block) of beats of codes; what stands for none counts as zero."""
    if config.packing != "engine":
        packing = find_group_packing(config.packing)
        known = np.array([group or (0,) * packing.group for group in packing.groups], np.int64)
        trits = known[codes].reshape(len(codes), -1)[:, : config.outputs_per_cycle * config.block]  # last group: a part
    else:
        trits = decode(config.engine, codes)
    return trits.reshape(len(codes), config.outputs_per_cycle, config.block)


def _real(config: TernaryMatvecConfig, sums: Ints, scales: Beats, lengths: list[int]) -> Ints:
    """Dequantise; with scope tensor a beat of scales serves a whole product."""
    how = config.dequantise
    repeats = lengths if how.scope == "tensor" else [1] * sum(lengths)
    beat = {name: np.repeat(value[: len(repeats)], repeats, axis=0) for name, value in scales.items()}
    multiplier = beat["multiplier"]
    shift = how.shift_min + beat.get("shift", np.zeros_like(multiplier))
    if how.scope == "tensor":
        multiplier, shift = multiplier[:, np.newaxis], shift[:, np.newaxis]
    scale = beat["scale"][:, :, np.newaxis]
    return dequantise(sums, scale, multiplier[:, np.newaxis], shift[:, np.newaxis], how.rounding, how.out_bits)
