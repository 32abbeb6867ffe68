# SPDX-License-Identifier: BSD-2-Clause
"""Cycle model of the core: jobs, weights, norm, attention, gate, each waiting for what it needs.

A job is issued when its row is there, meets its weights when the array is free and the matrix is loaded, and its
results are written a fixed time later. Norm and attention start on rows as they are written. Cycles count from the
first transfer of a sequence of images, every input valid and no output stalling.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.hw.accel.vit_core.program import ADDS, HIDES, SECOND, Kind, mixture, passes
from gatewright.hw.attention.attention.timing import rows_out
from gatewright.hw.core.ports import Beats, packets
from gatewright.hw.mac.gemm.timing import Draining, Tile
from gatewright.hw.ternary.tlmm.config import APART

GATHER = 3  # from a job's issue to its row at the array
ROUTE = 3  # from the last route to the first queued token
WEIGH = 3  # from a result to its residual's write
NORM = 3  # from that to the norm's first beat
AHEAD, NOTES = 4, 8  # lengths of the queues of jobs
STORE = 3  # from a command to the constant store's first word

Used = Sequence[Mapping[int, Sequence[int]]]


@dataclass
class Run:
    """A run's clock.

    Attributes
    ----------
    issue, taken, tuned, out, done : list of int
        Of each job: its issue, its last weights, the read of its last parameters, its last result, its write.
    written, freed : list of int
        Of each matrix: its last write into the buffer, and when its half takes others.
    """

    issue: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    out: list[int] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    tuned: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    freed: list[int] = field(default_factory=list)
    param_freed: list[int] = field(default_factory=list)
    param_written: list[int] = field(default_factory=list)
    command: tuple[int, int] = (-1, -1)  # when the constant stores took their latest commands
    result_beats: list[int] = field(default_factory=list)  # of the latest job


@dataclass(frozen=True)
class Sums(Tile):
    """A tile whose sums leave no sooner than a cycle after ``param``, when the first parameters are there."""

    param: int = -1


class Drain(Draining):
    """Drain registers that wait for parameters."""

    def stand(self, cycle: int, tile: Tile, row: int) -> int:
        """Wait for the registers; the sums then wait there."""
        still = max(0, self.left - cycle)
        self.left = max(cycle + still, getattr(tile, "param", -1)) + self.row
        return still


class IntArray:
    """The array of int8 weights: an adder tree whose sums drain a few lanes at a time."""

    def __init__(self, config: Any) -> None:
        gemm = config.linear.gemm
        self.clock = Drain(gemm.array.stages, config.linear.groups)
        self.groups, self.finish = config.linear.groups, gemm.requantise.latency
        self.config = config

    @property
    def free(self) -> int:
        """First cycle for another beat."""
        return self.clock.taken + 1

    def job(self, kind: Kind, earliest: int, param: int) -> tuple[int, list[int]]:
        """Take a row whose parameters are there from a cycle on; give that of its first beat, those of its results."""
        blocks, results = self.config.blocks(kind), []
        first = -1
        for _ in range(self.config.tiles(kind)):
            if blocks > 1:
                self.clock.take(earliest)
                first = self.clock.taken if first < 0 else first
                if blocks > 2:
                    self.clock.take(0, blocks - 2)
            self.clock.close(Sums(blocks, 1, 0, True, False, param), earliest if blocks == 1 else 0)
            first = self.clock.taken if first < 0 else first
            earliest = 0
            done = self._done() + self.finish
            results += [done + lane for lane in range(1, self.groups + 1)]
        return first, results

    def _done(self) -> int:
        """Give the cycle before the latest tile's sums begin to leave."""
        clock = self.clock
        still, left, done = clock.still, clock.left, 0
        for moving, tile, _ in clock.ahead:
            wait = max(0, left - (moving + still))
            done = max(moving + still + wait, getattr(tile, "param", -1))
            still, left = still + wait, done + self.groups
        return done


class TritArray:
    """The array of ternary weights: a sweep over all outputs for each beat of a row, sums in a queue."""

    def __init__(self, config: Any) -> None:
        self.config = config
        self.start, self.end, self.left = -APART, -1, 0
        engine = config.linear.matvec.engine
        self.groups, self.lag = config.linear.groups, engine.stages + 1 + config.linear.finish
        self.apart = engine.apart

    @property
    def free(self) -> int:
        """First cycle for another beat."""
        return max(self.end + 1, self.start + self.apart)

    def job(self, kind: Kind, earliest: int, param: int) -> tuple[int, list[int]]:
        """Take a row whose parameters are there from a cycle on; give that of its first beat, those of its results."""
        tiles, first = self.config.tiles(kind), -1
        self.left = max(self.left, param + self.config.linear.requantise.latency)
        for _ in range(self.config.blocks(kind)):
            self.start = max(self.free, earliest)
            first = self.start if first < 0 else first
            self.end = self.start + tiles - 1
        results = []
        for beat in range(self.start, self.end + 1):
            for _ in range(self.groups):
                self.left = max(self.left + 1, beat + self.lag)
                results.append(self.left)
        return first, results

    @property
    def taken(self) -> int:
        """Latest beat."""
        return self.end


class Machine:
    """The core's clock over a sequence of runs.

    Parameters
    ----------
    config : VitCoreConfig
        The core.
    pace : int
        Cycles that the source of streamed weights takes for a beat.
    """

    def __init__(self, config: Any, pace: int = 1) -> None:
        self.config, self.pace = config, pace
        self.array: Any = TritArray(config) if config.linear.ternary else IntArray(config)
        self.run = Run()
        self.last_counts = 0, 0  # words of the constant stores' latest commands

    def image(self, begin: int, task: int, used: Used) -> int:
        """Follow a run whose last octet comes in a cycle; give that of its last score."""
        config = self.config
        self.begin = begin
        self.fetch = begin + 1  # when the next request for weights can be made
        final: dict[int, int] = {}  # residual rows, and when they were written
        normed: list[int] = []
        routed = 0  # when the latest mixture's last route came
        attended: list[int] = []
        for matrix, tokens in passes(config, used, task):
            kind = matrix.kind
            ready = [begin + 1] * len(tokens)
            if kind in (Kind.QKV, Kind.FC1):
                ready = [cycle + 1 for cycle in normed]
            elif kind == Kind.HEAD:
                ready = [self._norm([final[0]])[0] + 1]
            elif kind == Kind.PROJECT:
                ready = [cycle + 1 for cycle in attended]
            elif kind == Kind.EXPERT1:
                ready = [routed + ROUTE] * len(tokens)
            first_of_mixture = kind == Kind.EXPERT1 and matrix.expert == min(used[matrix.layer // 2])
            if first_of_mixture:
                self.fetch = max(self.fetch, routed + 2)
            done, beats = self._matrix(kind, tokens, ready)
            if kind in ADDS:
                final |= dict(zip(tokens, done, strict=True))
            if kind == Kind.QKV:
                attended = self._attend(beats)
            last_of_layer = kind == Kind.FC2 or (kind == Kind.EXPERT2 and matrix.expert == max(used[matrix.layer // 2]))
            if last_of_layer and kind == Kind.EXPERT2:
                final = dict.fromkeys(range(config.tokens), done[-1])
            if kind == Kind.EMBED or (last_of_layer and matrix.layer < config.layers - 1):
                normed = self._norm([final[token] for token in range(config.tokens)])
            if kind == Kind.PROJECT:
                normed = self._norm([final[token] for token in range(config.tokens)])
                if mixture(matrix.layer):
                    routed = normed[-1] + self._gate
        return self.run.out[-1]

    @property
    def _gate(self) -> int:
        """Cycles from a token's last element at the gate to its last expert."""
        gate = self.config.gate
        return int(gate._single[1] - gate.beats + 1)

    def _matrix(self, kind: Kind, tokens: Sequence[int], ready: Sequence[int]) -> tuple[list[int], list[list[int]]]:
        """Follow all jobs of a matrix; give when each was written, and the cycles of its results."""
        run, results, done = self.run, [], []
        self._load(kind)
        for place, earliest in enumerate(ready):
            at = len(run.issue)
            bounds = [earliest, run.issue[-1] + 1 if at else 0]
            if at >= AHEAD:
                bounds.append(run.taken[at - AHEAD])  # the read of its last weights, and a cycle
            if at >= NOTES:
                bounds.append(run.out[at - NOTES] + 1)
            if at >= AHEAD:
                bounds.append(run.tuned[at - AHEAD] + 1)
            if kind in SECOND:
                bounds.append(run.done[at - len(tokens)] + 1)
            issue = max(bounds)
            start = max(self.array.free, issue + GATHER, run.written[-1] + 2 if place == 0 else 0)
            _, beats = self.array.job(kind, start, run.param_written[-1] + 1 if place == 0 else -1)
            run.issue.append(issue)
            run.taken.append(self.array.free - 1 if not self.config.linear.ternary else self.array.taken)
            run.out.append(beats[-1])
            lag = self.config.activation.latency if kind in HIDES else WEIGH if kind in ADDS else 0
            done.append(beats[-1] + lag)
            run.done.append(max(done[-1], run.done[-1] if at else 0))
            results.append(beats)
            # The last parameters are read when those before them are used.
            run.tuned.append(beats[-2 if len(beats) > 1 else -1] - self.config.linear.requantise.latency)
        run.freed.append(run.taken[-1] if self.config.beats(kind) > 1 else run.issue[-1] + 1)
        run.param_freed.append(run.tuned[-1] + 1)
        return done, results

    def _load(self, kind: Kind) -> None:
        """Follow the loading of a matrix and its parameters."""
        run, config = self.run, self.config
        index = len(run.written)
        earliest = [0, 0]
        if config.store == "constant":
            takes = [
                max(self.fetch, run.command[which] + self.last_counts[which] if index else 0, self._stalled(which))
                for which in range(2)
            ]
            run.command = (takes[0], takes[1])
            self.last_counts = (config.beats(kind), config.param_beats(kind))
            self.fetch = max(takes) + 1
            earliest = [take + STORE for take in takes]
        for which, (written, freed, beats) in enumerate((
            (run.written, run.freed, config.beats(kind)), (run.param_written, run.param_freed, config.param_beats(kind))
        )):  # fmt: skip
            first = max(earliest[which], written[-1] + 1 if index else 0, freed[index - 2] if index > 1 else 0)
            written.append(first + beats * self.pace - 1)

    def _stalled(self, which: int) -> int:
        """Give the cycle of the final read of the command before: two ahead of its last word's leaving."""
        written = (self.run.written, self.run.param_written)[which]
        return written[-1] - 2 if written else 0

    def _norm(self, final: Sequence[int]) -> list[int]:
        """Normalise rows that are final in given cycles; give those in which they are written."""
        norm = self.config.norm
        length = norm.row_beats
        end, sought, left, frozen = -1, 0, -1, (0, 0)
        found = []
        for cycle in final:
            start = max(cycle + NORM, end + 1)
            end = _after(start, length - 1, frozen)
            summed = _after(end, norm.sum_cycles, frozen)
            begun = max(summed, sought)
            frozen = (summed, begun)
            known = max(begun + norm.scale_cycles, left)
            left, sought = known + length, known + 1
            found.append(left + norm.apply_cycles)
        return found

    def _attend(self, beats: Sequence[Sequence[int]]) -> list[int]:
        """Attend; give the cycles in which attended rows are written."""
        section = self.config.features // self.config.lanes
        arrivals = [[row[section * (part + 1) - 1] + 1 for row in beats] for part in range(3)]
        return rows_out(self.config.attention, *arrivals)


def _after(cycle: int, moves: int, frozen: tuple[int, int]) -> int:
    """Give the cycle so many moves later, while nothing moves in the cycles ``frozen[0] .. frozen[1] - 1``."""
    low, high = frozen
    if low <= cycle < high:
        cycle = high
    target = cycle + moves
    return target + high - low if cycle < low <= target and high > low else target


def starts(config: Any, beats: Beats) -> Iterator[tuple[int, bool]]:
    """Give the length of each packet and whether it is good."""
    for span in packets(beats):
        yield span.stop - span.start, bool(beats["good"][span.stop - 1])


def follow(config: Any, beats: Beats, runs: Sequence[tuple[int, Used]]) -> list[tuple[int, int, int]]:
    """Give, for each run, the cycles of the image's last octet, of the last score, and of the reply's last octet."""
    machine, now, found = Machine(config), 0, []
    waiting = iter(runs)
    reply = config.output_bytes + config.count_bytes
    for length, good in starts(config, beats):
        now += length
        if not good:
            continue
        task, used = next(waiting)
        end = machine.image(now - 1, task, used)
        found.append((now - 1, end, end + 1 + reply))
        now = end + 2 + reply
    return found


def run_cycles(config: Any, beats: Beats, runs: Sequence[tuple[int, Used]]) -> list[int]:
    """Count each run's cycles, from the image's last octet to the last score."""
    return [end - begin for begin, end, _ in follow(config, beats, runs)]


def spans(config: Any, inputs: Mapping[str, Beats]) -> tuple[int, int]:
    """Give the cycle of the first beat at an output, and the count of cycles to the last."""
    from gatewright.hw.accel.vit_core.golden import answers  # routes decide the time; only the golden model knows them

    runs = [(task, answer.used) for task, answer in answers(config, dict(inputs))]
    found = follow(config, inputs["i"], runs)
    if not found:
        return -1, 0
    first = found[0][0] + 1 if config.store == "streamed" else found[0][1] + 2
    return first, found[-1][2] + 1


def macs(config: Any) -> int:
    """Count the weights that meet an activation in a run, padding left out."""
    everyone = [matrix for matrix in config.matrices if matrix.kind not in (Kind.EXPERT1, Kind.EXPERT2, Kind.HEAD)]
    total = sum(config.inputs_of(matrix.kind) * config.outputs_of(matrix.kind) for matrix in everyone)
    experts = 2 * config.mixtures * config.gate.k * config.features * config.expert_hidden
    return int(config.tokens * (total + experts) + config.features * config.classes)


def typical(config: Any, pace: int = 1) -> int:
    """Count the cycles of a run in which every expert gets its share of the tokens."""
    experts, k = config.gate.experts, config.gate.k
    queues: dict[int, list[int]] = {}
    for token in range(config.tokens):
        for turn in range(k):
            queues.setdefault((token * k + turn) % experts, []).append(token)
    return Machine(config, pace).image(0, 0, [dict(sorted(queues.items()))] * config.mixtures)
