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
        Cycles in which the array has work.
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


def play(config: Any, positions: Sequence[int]) -> Times:
    """Run jobs whose beats all wait at the inputs from the first cycle on."""
    engine = _Engine(config, list(positions))
    while len(engine.times.ends) < len(positions):
        engine.step()
    return engine.times


@dataclass
class _Writer:
    """The job that comes in, and its rows: queries beside keys and values."""

    config: Any
    positions: list[int]
    job: int = 0  # number of the next one
    waits: bool = False  # there is one
    started: bool = False
    key_in: bool = False
    value_in: bool = False
    beats: int = 0  # of keys or values
    queries: int = 0
    query_beats: int = 0  # left of all jobs

    def __post_init__(self) -> None:
        self.query_beats = len(self.positions) * self.config.heads * self.config.parts

    def step(self, safe: bool, load: bool) -> None:
        """Advance by a cycle."""
        config = self.config
        self._rows(safe, config.kv_heads * config.parts, load)
        if load:
            self.queries = 0
        elif self.queries < config.heads * config.parts and self.query_beats:
            self.queries += 1
            self.query_beats -= 1

    def _rows(self, safe: bool, row: int, load: bool) -> None:
        frees = self.waits and self.value_in and (self.started or load)
        if self.waits and not self.value_in and (safe or self.started):
            self.beats += 1
            if self.beats == row:
                self.beats, self.key_in, self.value_in = 0, True, self.key_in
        self.started = self.started or load
        if frees:
            self.waits = self.started = self.key_in = self.value_in = False
        elif not self.waits and self.job < len(self.positions):
            self.waits = True
            self.job += 1

    @property
    def complete(self) -> bool:
        """A job may be handed on."""
        return self.waits and not self.started and self.key_in and self._queries_in

    @property
    def _queries_in(self) -> bool:
        return self.queries == self.config.heads * self.config.parts


@dataclass
class _Engine:
    """Registers of the whole."""

    config: Any
    positions: list[int]
    cycle: int = 0
    job: int = -1  # whose walks through keys begin
    left: int = 0  # of those
    flight: deque[int] = field(default_factory=deque)  # jobs of the walks whose values are not read yet
    running: int = 0  # cycles left of the present walk
    value: bool = False  # and its kind
    summing: bool = False  # accumulators are in use
    drained: int = -1  # when they no longer are
    walks: int = 0  # of values, of the present job

    def __post_init__(self) -> None:
        config = self.config
        self.times = Times()
        self.writer = _Writer(config, self.positions)
        lengths = [position + 1 for position in self.positions for _ in range(config.passes)]
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
        safe = idle or (self.job >= 0 and new > self.positions[self.job])
        ends = self.running == 1
        last_value = ends and self.value
        key = bool(self.left) and (len(self.flight) < 2 or last_value) and (not self.running or last_value)
        value = (
            not key and self.running < 2 and bool(self.softmax.stages[-1][-1]) and not self.summing
            and not (writer.started and self.flight[0] == self.job)
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
            self.running, self.value = self.positions[self.job] + 1, False
        if value:
            self.times.values.append(self.cycle + 1)
            self.running, self.value, self.summing = self.positions[self.flight[0]] + 1, True, True
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

    def _leave(self, job: int) -> None:
        """Let results leave: the last value is read in this cycle."""
        times, config = self.times, self.config
        begin = self.cycle + 5 + config.finisher.latency
        self.drained = self.cycle + 4 + config.groups
        times.first = begin if times.first < 0 else times.first
        times.last = begin + config.groups - 1
        self.walks += 1
        if self.walks == config.passes:
            self.walks = 0
            times.ends.append(times.last)


class _Lone:
    """A job whose rows have come by given cycles, counted from that in which its walks may begin."""

    def __init__(self, values: int) -> None:
        self.job, self.started, self._free, self._cycle, self._known = 1, False, values, 0, True

    @property
    def complete(self) -> bool:
        """Queries and keys are in."""
        return self._known

    def step(self, safe: bool, load: bool) -> None:
        """Advance by a cycle."""
        self._known = self._known and not load
        self._cycle += 1
        self.started = not self._known and self._cycle < self._free


def lone(config: Any, position: int, queries: int, keys: int, values: int) -> int:
    """Give the cycle of a job's last result, where rows end in given cycles and nothing else is under way."""
    begin = max(queries, keys) + 1
    engine = _Engine(config, [position])
    engine.writer = _Lone(max(values, keys + config.kv_heads * config.parts) + 2 - begin)  # type: ignore[assignment]
    while not engine.times.ends:
        engine.step()
    return begin + engine.times.ends[0]
