# SPDX-License-Identifier: BSD-2-Clause
"""Cycle model of the expert engine: when jobs are issued, multiplied and done.

A job is a token at a layer of an expert. All times are cycles from the first transfer, every input valid and no output
stalling. ``s`` and ``e`` are the first and the last cycle in which a job's weights meet its row; they follow from the
job's issue, the job before it, and its layer's weights:

    s[j] = max(e[j - 1] + 1, issue[j] + GATHER, written[layer] + 2)        e[j] = s[j] + layer_beats - 1

A layer's weights are written behind those of the layer before, once the layer before that one has been read for the
last time. A second turn is issued once the hidden row that it reads is written. The model knows the lengths of the
queues in front of the parts, since short layers feel them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewright.hw.core.ports import Beats, packets

GATHER = 3  # from a job's issue to its row at the linear engine: a queue, the reader, the memory
ROUTE = 3  # from the end of a sequence's routes to its first job
AHEAD, NOTES = 4, 8  # length of the queues in front of the reader and the weights; in front of what comes later


@dataclass
class Clock:
    """State of the engine between sequences.

    Attributes
    ----------
    start : int
        First cycle in which the next sequence's rows are taken.
    route : int
        Same for its routes.
    issue, multiplied, out, done : list of int
        Of each job so far: its issue, its last beat of weights, its last result, its last write.
    written, freed : list of int
        Of each layer so far: its last write, and the first cycle in which its half takes others.
    """

    start: int = 0
    route: int = 0
    issue: list[int] = field(default_factory=list)
    multiplied: list[int] = field(default_factory=list)
    out: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)


def spans(config: Any, inputs: Mapping[str, Beats]) -> tuple[int, int]:
    """Give the cycle of the first beat at an output, and the count of cycles to the last."""
    clock, first = Clock(), -1
    for beats, queue in sequences(inputs["i_route"]):
        routed = clock.route + beats - 1
        first = routed + 2 if first < 0 else first
        _sequence(config, clock, routed, queue)
    return first, clock.start


def sequences(route: Beats) -> Iterator[tuple[int, list[int]]]:
    """Give the beats of each sequence of routes, and the lengths of its queues that are not empty."""
    beats, names = 0, []
    for span in packets(route):
        beats += span.stop - span.start
        names += route["expert"][span].tolist()
        if route["final"][span.stop - 1]:
            yield beats, np.unique(names, return_counts=True)[1].tolist()
            beats, names = 0, []


def _sequence(config: Any, clock: Clock, routed: int, lengths: list[int]) -> None:
    """Follow the jobs of a sequence."""
    rows = config.tokens * config.features // config.lanes
    seen = routed + ROUTE
    for length in lengths:
        for turn in range(2):
            layer = len(clock.written)
            before = clock.written[-1] + 1 if layer else 0
            free = clock.freed[layer - 2] if layer > 1 else 0
            clock.written.append(max(before, free) + config.layer_beats - 1)
            for place in range(length):
                ready = max(seen, clock.start + rows)
                seen = _job(config, clock, turn, length, ready, clock.written[-1] if place == 0 else -1) + 1
    clock.route = seen - 1 if len(clock.issue) == 1 else max(clock.issue[-2] + 1, routed + ROUTE)
    clock.start = clock.done[-1] + 2 + rows


def _job(config: Any, clock: Clock, turn: int, length: int, ready: int, written: int) -> int:
    """Enter a job that may be issued from a cycle on; give the cycle in which it is."""
    beats, at = config.layer_beats, len(clock.issue)
    free = [clock.multiplied[at - AHEAD] - 1] if at >= AHEAD else []  # its last weights are read out of their store
    free += [clock.out[at - NOTES]] if at >= NOTES else []
    hidden = [clock.done[at - length]] if turn else []
    issue = max([ready, *(cycle + 1 for cycle in (*free, *hidden))])
    start = max(clock.multiplied[-1] + 1 if at else 0, issue + GATHER, written + 2)
    clock.issue.append(issue)
    clock.multiplied.append(start + beats - 1)
    tail = config.linear_tails[turn]
    clock.out.append(clock.multiplied[-1] + tail)
    done = clock.out[-1] + (config.scatter_latency if turn else config.activation.latency)
    clock.done.append(max(done, clock.done[-1] if at else 0))
    if len(clock.freed) < len(clock.written):
        clock.freed.append(0)
    clock.freed[-1] = start + beats - 1 if beats > 1 else max(issue + 1, clock.multiplied[-1])
    return issue
