# SPDX-License-Identifier: BSD-2-Clause
"""Golden model of the expert queues: all sequences sorted by expert, tokens in order."""

import numpy as np

from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats
from gatewright.hw.moe.expert_queue.config import ExpertQueueConfig


def golden(config: ExpertQueueConfig, inputs: dict[str, Beats]) -> dict[str, Beats]:
    """Sort beats by sequence and expert; a queue is a run of equal ones."""
    beats = inputs["i"]
    ends = beats["last"] & beats["final"]
    sequence = np.cumsum(ends) - ends
    token = token_numbers(beats["last"], sequence)

    order = np.lexsort((beats["expert"], sequence))  # stable: a queue keeps the order of its tokens
    expert, sequence = beats["expert"][order], sequence[order]
    starts = np.flatnonzero(np.diff(expert, prepend=-1) | np.diff(sequence, prepend=-1))
    length = np.diff(np.append(starts, len(order)))
    final = np.diff(sequence[starts], append=-1) != 0

    turn = np.tile(np.arange(config.turns), len(starts))
    run = np.repeat(np.arange(len(starts)), config.turns)  # the queue of each turn
    beat, last = np.arange(int(length[run].sum())), np.cumsum(length[run]) - 1
    owner = np.repeat(np.arange(len(run)), length[run])  # the turn of each beat
    place = beat - (last - length[run] + 1)[owner]
    read = order[starts[run[owner]] + place]
    closes = (beat == last[owner]).astype(np.int64)
    out = {
        "token": token[read],
        "weight": beats["weight"][read],
        "expert": beats["expert"][read],
        "last": closes,
        "final": closes & (turn[owner] == config.turns - 1) & final[run[owner]],
    }
    if config.turns > 1:
        out["turn"] = turn[owner]
    used = {"expert": expert[starts], "count": length, "final": final.astype(np.int64)}
    return {"o_used": used, "o": out}


def token_numbers(last: Ints, sequence: Ints) -> Ints:
    """Number the tokens of every sequence from 0; give each beat its token's number."""
    number = np.cumsum(last) - last
    first = np.flatnonzero(np.diff(sequence, prepend=-1))
    return number - number[first][sequence]
