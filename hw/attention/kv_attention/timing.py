# SPDX-License-Identifier: BSD-2-Clause
"""When walks begin and results leave: the room's registers, cycle by cycle, where no stream stalls."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.hw.nonlinear.softmax.timing import Model


@dataclass
class Times:
    """What a run of jobs took; cycles count from the first beat.

    Attributes
    ----------
    first, last : int
        When the first and the last result leaves.
    keys, values : list of int
        When each walk through keys or values reads its first word.
    ends : list of int
        When each job's last result leaves.
    busy : int
        Cycles in which the array has work, which is how many words are read.
    """

    first: int = -1
    last: int = 0
    keys: list[int] = field(default_factory=list)
    values: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    busy: int = 0

    @property
    def utilisation(self) -> float:
        """Share of cycles in which the array has work, from the first beat to the last."""
        return self.busy / (self.last + 1)


def play(config: Any, positions: Sequence[int], more: Sequence[int] = ()) -> Times:
    """Run jobs whose beats all wait at the inputs from the first cycle on.

    Parameters
    ----------
    positions, more : sequence of int
        Where each job's first token is, and how many follow it; none if not given.
    """
    engine = _Engine(config, list(positions), list(more) or [0] * len(positions))
    while len(engine.times.ends) < len(positions):
        engine.step()
    return engine.times


@dataclass
class _Writer:
    """The job that comes in, and its rows: queries beside keys and values."""

    config: Any
    more: list[int]
    job: int = 0  # number of the next one
    waits: bool = False  # there is one
    started: bool = False
    key_in: bool = False
    value_in: bool = False
    token: int = 0  # whose keys and values come
    beats: int = 0  # of those
    queries: int = 0
    query_beats: int = 0  # left of all jobs

    def __post_init__(self) -> None:
        self.query_beats = (len(self.more) + sum(self.more)) * self._row

    def step(self, safe: bool, load: bool) -> None:
        """Advance by a cycle."""
        config = self.config
        tokens = 1 + self.more[self.job - 1] if self.job else 1
        # Where jobs tell how many queries come, those wait for the job.
        known = config.queries == 1 or (self.waits and not self.started)
        if load:
            self.queries = 0
        elif known and self.queries < tokens * self._row and self.query_beats:
            self.queries += 1
            self.query_beats -= 1
        self._rows(safe, config.kv_heads * config.parts, load)

    def _rows(self, safe: bool, row: int, load: bool) -> None:
        frees = self.waits and self.value_in and (self.started or load)
        if self.waits and not self.value_in and (safe or self.started):
            self.beats += 1
            if self.beats == row:
                self.beats = 0
                self._row_ends()
        self.started = self.started or load
        if frees:
            self.waits = self.started = self.key_in = self.value_in = False
            self.token = 0
        elif not self.waits and self.job < len(self.more):
            self.waits = True
            self.job += 1

    def _row_ends(self) -> None:
        if not self.key_in:
            self.key_in = True
        elif self.token == self.more[self.job - 1]:
            self.value_in = True
        else:
            self.key_in = False
            self.token += 1

    @property
    def complete(self) -> bool:
        """A job may be handed on."""
        keys = self.key_in and self.token == self.more[self.job - 1]
        return self.waits and not self.started and keys and self._queries_in

    @property
    def _row(self) -> int:
        return self.config.heads * self.config.parts

    @property
    def _queries_in(self) -> bool:
        return self.queries == (1 + self.more[self.job - 1]) * self._row


@dataclass
class _Engine:
    """Registers of the whole."""

    config: Any
    positions: list[int]
    more: list[int]
    cycle: int = 0
    job: int = -1  # whose walks through keys begin
    left: int = 0  # of those
    flight: deque[int] = field(default_factory=deque)  # jobs of the walks whose values are not read yet
    running: int = 0  # cycles left of the present walk
    value: bool = False  # and its kind
    behind: bool = False  # the job that comes in lies behind those whose walks begin
    summing: bool = False  # accumulators are in use
    drained: int = -1  # when they no longer are
    walks: int = 0  # of values, of the present job
    reads: list[int] = field(default_factory=list)  # when the last result of each job is read, if they are reordered

    def __post_init__(self) -> None:
        config = self.config
        self.times = Times()
        self.writer = _Writer(config, self.more)
        self.lengths = [1 + position + more for position, more in zip(self.positions, self.more, strict=True)]
        lengths = [-(-length // config.tokens) for length in self.lengths for _ in range(config.passes)]
        self.words = [-(-length // config.tokens) for length in self.lengths]
        self.softmax = Model(config.softmax.schedule, lengths, ())
        self.scores = deque([0] * config.score_delay)
        self.takes = deque([False] * 2)

    def step(self) -> None:
        """Advance by a cycle: who moves is decided by registers."""
        writer = self.writer
        load = writer.complete and not self.left and not (self.running and not self.value)
        # The job that comes in is the next one, or the one whose walks are under way.
        idle = not self.left and not self.flight
        new = self.positions[writer.job - 1] if writer.job else 0
        safe = idle or self.behind
        self.behind = writer.waits and self.job >= 0 and new >= self.lengths[self.job]
        ends = self.running == 1
        last_value = ends and self.value
        key = bool(self.left) and (len(self.flight) < 2 or last_value) and (not self.running or last_value)
        value = (
            not key and self.running < 2 and bool(self.softmax.stages[-1][-1]) and not self.summing
            and not (writer.started and self.flight[0] == self.job) and self._has_place()
        )  # fmt: skip

        self._softmax(ends)
        if self.drained == self.cycle:
            self.summing = False
        if self.running:
            self.times.busy += 1
            if ends and self.value:
                self._leave(self.flight.popleft())
            self.running -= 1
        if key:
            self.times.keys.append(self.cycle + 1)
            self.flight.append(self.job)
            self.left -= 1
            self.running, self.value = self.words[self.job], False
        if value:
            self.times.values.append(self.cycle + 1)
            self.running, self.value, self.summing = self.words[self.flight[0]], True, True
        writer.step(safe, load)
        if load:
            self.job += 1
            self.left = self.config.passes
        self.cycle += 1

    def _softmax(self, ends: bool) -> None:
        self.takes.append(bool(self.running) and self.value)
        self.scores.append(0 if not self.running or self.value else 1 + ends)
        score = self.scores.popleft()
        taken, _ = self.softmax.step(score, self.takes.popleft())
        assert taken or not score  # two rows at most are under way, and the softmax has places for them

    def _has_place(self) -> bool:
        """Tell whether one of two halves is free for the job whose values are next."""
        job = self.flight[0]
        return not self.config.reorders or self.walks > 0 or job < 2 or self.reads[job - 2] < self.cycle

    def _leave(self, job: int) -> None:
        """Let results leave: the last value is read in this cycle."""
        times, config = self.times, self.config
        begin, beats = self.cycle + config.sum_stage + 1 + config.finisher.latency, config.groups * (1 + self.more[job])
        self.drained = self.cycle + config.sum_stage + beats
        self.walks += 1
        final = self.walks == config.passes
        if final:
            self.walks = 0
        if config.reorders and not final:
            return
        if config.reorders:  # read from the cycle on that follows the first result's, a register behind the memory
            begin, beats = max([begin, *self.reads[-1:]]) + 1, config.passes * beats
            self.reads.append(begin + beats - 1)
            begin += 1
        times.first = begin if times.first < 0 else times.first
        times.last = begin + beats - 1
        if final:
            times.ends.append(times.last)


class _Lone:
    """A job whose rows have come by given cycles, counted from that in which its walks may begin."""

    def __init__(self, values: int) -> None:
        self.job, self.started, self._free, self._cycle, self._known = 1, False, values, 0, True
        self.waits = False  # for no other job

    @property
    def complete(self) -> bool:
        """Queries and keys are in."""
        return self._known

    def step(self, safe: bool, load: bool) -> None:
        """Advance by a cycle."""
        self._known = self._known and not load
        self._cycle += 1
        self.started = not self._known and self._cycle < self._free


def lone(config: Any, position: int, queries: int, keys: int, values: int, more: int = 0) -> int:
    """Give the cycle of a job's last result, where rows end in given cycles and nothing else is under way."""
    begin = max(queries, keys) + 1
    engine = _Engine(config, [position], [more])
    written = keys + config.kv_heads * config.parts  # of the last token; those before it have both
    engine.writer = _Lone(max(values, written) + 2 - begin)  # type: ignore[assignment]
    while not engine.times.ends:
        engine.step()
    return begin + engine.times.ends[0]
