# SPDX-License-Identifier: BSD-2-Clause
"""What a room's bench file declares, and the stimulus that serves when it declares none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort

Inputs = dict[str, Beats]
Golden = Callable[[Any, Inputs], dict[str, Beats]]
STREAM_TESTS = "gatewright.tb.harness.stream_tests"
Leading = Callable[[Any, Inputs, np.random.Generator], Inputs]
Stimulus = Callable[[Any, np.random.Generator, str, int], Inputs]


def default_stimulus(config: RoomConfig, rng: np.random.Generator, kind: str, size: int) -> Inputs:
    """Draw ``size`` beats for every input.

    Parameters
    ----------
    config : RoomConfig
        Gives the ports.
    rng : numpy.random.Generator
        Source of randomness.
    kind : str
        ``random`` draws uniformly; ``corners`` draws from minimum, maximum, 0, 1, -1 and single bits.
    size : int
        Beats per port.
    """
    return {port.name: _beats(port, rng, kind, size) for port in config.inputs}


def _beats(port: StreamPort, rng: np.random.Generator, kind: str, size: int) -> Beats:
    beats = {
        item.name: draw(item, rng, size) if kind == "random" else draw_corners(item, rng, size)
        for item in port.fields
    }
    if port.packet:
        beats["last"] = random_last(rng, size)
    return beats


def random_last(rng: np.random.Generator, size: int) -> np.ndarray:
    """End packets at random so that lengths 1, 2 and long ones all occur; the final beat always ends one."""
    chance = rng.choice([0.9, 0.4, 0.1], size=size)
    last = (rng.random(size) < chance).astype(np.int64)
    last[-1] = 1
    return last


def draw(item: PayloadField, rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a field uniformly over its whole range: shape ``(size, *item.shape)``."""
    shape = (size, *item.shape)
    if item.bits < 63:
        return rng.integers(item.low, item.high, shape, dtype=np.int64, endpoint=True)
    words = [rng.integers(0, 1 << 32, shape, dtype=np.int64).astype(object) for _ in range(-(-item.bits // 32))]
    value = np.zeros(shape, object)
    for index, word in enumerate(words):
        value += word << (32 * index)
    return (value & ((1 << item.bits) - 1)) + item.low


def draw_corners(item: PayloadField, rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a field from its corner values; whole beats of one corner come first."""
    values = {item.low, item.high, item.low + 1, item.high - 1, 0, 1, -1}
    values |= {1 << bit for bit in range(item.bits)}
    corners = sorted(value for value in values if item.low <= value <= item.high)
    table = np.array(corners, dtype=np.int64 if item.bits < 64 else object)
    picks = rng.integers(0, len(corners), (size, *item.shape))
    for beat in range(min(size, len(corners))):
        picks[beat] = beat
    return table[picks]


@dataclass(frozen=True, kw_only=True)
class StreamBench:
    """How to verify a room whose ports are all streams.

    Attributes
    ----------
    config : type
        The room's parameter class.
    golden : callable
        ``golden(config, inputs) -> outputs``, beats by port name.
    grid : tuple of mapping
        Parameter sets that the regression verifies.
    mutation : mapping, or tuple of mapping
        Small parameter sets on which injected faults are scored: one, or one for each variant of the room.
    stimulus : callable
        ``stimulus(config, rng, kind, size) -> inputs``.
    size : int
        Beats per test and port.
    equivalent : mapping
        Reviewed survivors of fault injection: a mutant's description to the reason that no
        bench can tell it from the original.
    test_module, mutation_module : str
        The cocotb tests that run, and those that score faults.
    mutation_size : int
        Beats per check while faults are scored.
    bulk_size : int
        Beats per play of the compiled simulation that faults meet which those checks miss; fewer where each takes
        thousands of cycles.
    beside : callable, optional
        ``beside(config)`` makes the flash at an accelerator's pins: ``step(sck, cs_n, mosi)`` gives ``miso``.
    apart : tuple of str
        Instances in which no faults are injected: rooms whose own benches score them.
    remembers : bool
        Whether what the room has taken counts for good: then every run begins with a reset.
    leading : callable, optional
        ``leading(config, inputs, rng)`` gives the beats of a stimulus's first jobs, some of them. Then no input that
        stops behind those may hold their results back.
    reset_within : int, optional
        Cycles within which `reset_in_midstream` breaks a run off; about as many as its stimulus has beats
        if not given.
    """

    config: type[RoomConfig]
    golden: Golden
    grid: tuple[Mapping[str, Any], ...] = ({},)
    mutation: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(default_factory=dict)
    stimulus: Stimulus = default_stimulus
    size: int = 150
    equivalent: Mapping[str, str] = field(default_factory=dict)
    test_module: str = STREAM_TESTS
    mutation_module: str = "gatewright.tb.harness.mutation_tests"
    mutation_size: int = 60
    bulk_size: int = 20_000
    beside: Callable[[Any], Any] | None = None
    apart: tuple[str, ...] = ()
    remembers: bool = False
    leading: Leading | None = None
    reset_within: int | None = None

    @property
    def mutations(self) -> tuple[Mapping[str, Any], ...]:
        """The parameter sets of `mutation`, always as a tuple."""
        return self.mutation if isinstance(self.mutation, tuple) else (self.mutation,)
