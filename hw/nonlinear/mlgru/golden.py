# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the linear recurrence: the two formulas as they stand, job by job."""

import numpy as np

from gatewright.hw.core.numerics import Ints, saturate, shift_right
from gatewright.hw.core.ports import Beats
from gatewright.hw.nonlinear.activation.golden import activation
from gatewright.hw.nonlinear.mlgru.config import MlgruConfig


def gates(config: MlgruConfig, f: Ints, bound: Ints) -> Ints:
    """Give forget gates in ``0..2**forget_bits``."""
    rest = (1 << config.forget_bits) - bound
    return bound + shift_right(rest * activation(config.forget, f), config.forget_bits, "half_up")


def mixed(config: MlgruConfig, forget: Ints, before: Ints, candidate: Ints) -> Ints:
    """Give the new state; candidates are in steps of the state."""
    total = forget * before + ((1 << config.forget_bits) - forget) * candidate
    return saturate(shift_right(total, config.forget_bits, "half_up"), config.state_bits, True)


def golden(config: MlgruConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Take all jobs; the state of a layer that has had no ``first`` counts as 0."""
    jobs, beats = inputs["i_job"], inputs["i"]
    forget = gates(config, beats["f"], inputs["i_bound"]["bound"])
    candidate = activation(config.candidate, beats["c"]) << config.state_shift
    state = np.zeros((config.layers, config.beats, config.lanes), np.int64)
    h = np.empty_like(forget)
    for job, (layer, first) in enumerate(zip(jobs["layer"].tolist(), jobs["first"].tolist(), strict=True)):
        row = slice(job * config.beats, (job + 1) * config.beats)
        before = 0 * state[layer] if first else state[layer]
        h[row] = state[layer] = mixed(config, forget[row], before, candidate[row])
    return {"o": {"h": h, "last": beats["last"].copy()}}
