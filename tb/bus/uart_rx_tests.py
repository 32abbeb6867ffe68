# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb tests of uart_rx. The session's size is the number of octets per test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from gatewright.hw.bus.uart_rx.config import SYNC_CYCLES
from gatewright.hw.bus.uart_rx.golden import receive
from gatewright.tb.bus.waves import Levels, frames
from gatewright.tb.harness.stream_tests import Session, register
from gatewright.tb.harness.streams import BenchError, Trace, always, pattern

TESTS = ("sound_octets", "baud_mismatch", "glitches", "framing_errors", "noise", "slow_consumer", "reset_in_octet")

CYCLES = 6000  # of the line, per waveform


@dataclass
class Heard:
    """What came out, each with the cycle in which it came."""

    octets: list[tuple[int, int]] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    overruns: list[int] = field(default_factory=list)


async def listen(session: Session, level: Levels, expected: list[int], go: Iterator[bool] | None = None) -> Heard:
    """Play a waveform and some idle line; the sink holds the output to the stream rules and values."""
    dut, streams = session.streams.dut, session.streams
    sink = streams.sinks[0]
    sink.start(expected, go or always())
    trace, heard = Trace(), Heard()
    idle = np.ones(SYNC_CYCLES + 40, dtype=np.int64)
    for cycle, bit in enumerate(np.concatenate([level, idle]).tolist()):
        dut.rx.value = bit
        sink.drive()
        await streams.settle()
        sink.sample(trace, cycle)
        if len(sink.got) > len(heard.octets):
            heard.octets.append((cycle, sink.got[-1]))
        if dut.framing_error.value:
            heard.errors.append(cycle)
        if dut.overrun.value:
            heard.overruns.append(cycle)
        await streams.tick()
    session.counts.runs += 1
    session.counts.cycles += len(level)
    session.counts.taken += len(level)
    session.counts.given += trace.given
    session.counts.stalled_out += trace.stalled_out
    return heard


async def fresh(session: Session) -> None:
    """Reset with the line idle."""
    session.streams.dut.rx.value = 1
    await session.streams.reset()


async def judge(session: Session, level: Levels) -> list[int]:
    """Play a waveform after a reset, consumer always ready; hold values and cycles to the golden model."""
    octets, errors = receive(session.config, level)
    await fresh(session)
    heard = await listen(session, level, [value for _, value in octets])
    late = [(cycle + SYNC_CYCLES + 1, value) for cycle, value in octets]
    if heard.octets != late:
        raise BenchError(f"octets with their cycles are {heard.octets}, expected {late}")
    if heard.errors != [cycle + SYNC_CYCLES for cycle in errors]:
        raise BenchError(f"framing errors in cycles {heard.errors}, expected {errors} + {SYNC_CYCLES}")
    if heard.overruns:
        raise BenchError(f"overrun in cycles {heard.overruns} although the consumer was ready")
    return [value for _, value in octets]


def some_octets(session: Session) -> list[int]:
    """Draw octets, corner values first; fewer where they would take too many cycles."""
    count = int(np.clip(CYCLES // session.config.interval, 2, session.size))
    return [0x00, 0xFF, 0x55, 0x80, *session.rng.integers(0, 256, count).tolist()][:count]


def must_equal(what: str, got: list[int], sent: list[int]) -> None:
    """Compare what the golden model heard with what the sender meant."""
    if got != sent:
        raise BenchError(f"{what}: heard {got}, sent {sent}")


async def sound_octets(session: Session) -> None:
    """Octets back to back, then with random gaps."""
    octets = some_octets(session)
    must_equal("back to back", await judge(session, frames(octets, session.config.divisor)), octets)
    gaps = session.rng.integers(0, 3 * session.config.divisor, len(octets))
    must_equal("with gaps", await judge(session, frames(octets, session.config.divisor, gaps)), octets)


async def baud_mismatch(session: Session) -> None:
    """A sender that is 2 % fast or slow is understood."""
    octets = some_octets(session)
    for factor in (0.98, 1.02):
        level = frames(octets, session.config.divisor * factor)
        must_equal(f"period times {factor}", await judge(session, level), octets)


async def glitches(session: Session) -> None:
    """Low pulses shorter than half a bit between octets are not heard."""
    config, rng = session.config, session.rng
    level = frames([0xA5, 0x5A], config.divisor, [0, 4 * config.divisor])
    first_idle = 12 * config.divisor
    for start in range(first_idle, first_idle + 3 * config.divisor - 2, config.divisor):
        level[start : start + int(rng.integers(1, config.half + 1))] = 0
    must_equal("between glitches", await judge(session, level), [0xA5, 0x5A])


async def framing_errors(session: Session) -> None:
    """An octet without a stop bit is dropped and flagged once; a break is one error; the next octet is heard."""
    config = session.config
    octets = some_octets(session)
    level = frames(octets, config.divisor, np.full(len(octets), 2 * config.divisor))
    stop = (2 + 2 + 9) * config.divisor
    level[stop : stop + config.divisor] = 0
    must_equal("after a missing stop bit", await judge(session, level), octets[1:])
    line_break = np.zeros(23 * config.divisor, dtype=np.int64)
    level = np.concatenate([np.ones(3, dtype=np.int64), line_break, frames(octets[:2], config.divisor)])
    must_equal("after a break", await judge(session, level), octets[:2])


async def noise(session: Session) -> None:
    """Random levels: whatever the golden model hears in them."""
    for chance in (0.5, 1 / session.config.divisor, 0.3 / session.config.divisor):
        flips = session.rng.random(min(CYCLES // 2, session.size * session.config.interval)) < chance
        idle = np.ones(session.config.interval, dtype=np.int64)
        await judge(session, np.concatenate([np.cumsum(flips) % 2, idle]))


async def slow_consumer(session: Session) -> None:
    """An octet not taken in time stays as it is; the new one is dropped and flagged."""
    config = session.config
    octets = some_octets(session)
    level = frames(octets, config.divisor)
    arrivals, _ = receive(config, level)
    moments = {cycle + SYNC_CYCLES for cycle, _ in arrivals}
    for name in ("even", "slow sink", "rarely", "at the last moment"):
        pattern_of = partial(_ready, name, config.interval, int(session.rng.integers(1 << 30)), moments)
        go = pattern_of()
        expected, overruns = _one_slot(arrivals, pattern_of(), len(level) + 40)
        await fresh(session)
        heard = await listen(session, level, expected, go)
        must_equal(f"consumer {name}", [value for _, value in heard.octets], expected)
        must_equal(f"overruns, consumer {name}", heard.overruns, overruns)
        if name == "rarely" and not overruns:
            raise BenchError("the stimulus made no overrun")


def _ready(name: str, interval: int, seed: int, moments: set[int]) -> Iterator[bool]:
    match name:
        case "rarely":
            return (cycle % (5 * interval // 2) == 0 for cycle in range(1 << 40))
        case "at the last moment":  # an octet is taken in the cycle in which the next one needs its place
            return (cycle in moments for cycle in range(1 << 40))
    return pattern(name, "sink", np.random.default_rng(seed))


def _one_slot(arrivals: list[tuple[int, int]], go: Iterator[bool], cycles: int) -> tuple[list[int], list[int]]:
    """Model one slot: what a consumer takes, and when an octet found the slot full."""
    coming = {cycle + SYNC_CYCLES: value for cycle, value in arrivals}
    slot: int | None = None
    taken: list[int] = []
    overruns: list[int] = []
    for cycle in range(cycles + SYNC_CYCLES):
        if next(go) and slot is not None:
            taken.append(slot)
            slot = None
        if cycle in coming:
            if slot is None:
                slot = coming[cycle]
            else:
                overruns.append(cycle)
    return taken, overruns


async def reset_in_octet(session: Session) -> None:
    """Reset in mid-octet: nothing of it comes out, even if the line is low when reset ends."""
    config, streams = session.config, session.streams
    for part in (0.3, 2.5, 5.5, 9.2):
        await fresh(session)
        level = frames([0x00], config.divisor)
        cut = int((2 + part) * config.divisor)
        sink = streams.sinks[0]
        sink.start([], always())
        for bit in level[:cut].tolist():
            streams.dut.rx.value = bit
            await streams.settle()
            await streams.tick()
        await streams.reset(1)
        octets, _ = receive(config, level[cut:])
        must_equal("the rest of a cut octet", [value for _, value in octets], [])
        await listen(session, level[cut:], [])
        session.counts.taken += cut
    await judge(session, frames(some_octets(session), config.divisor))


BODIES = (sound_octets, baud_mismatch, glitches, framing_errors, noise, slow_consumer, reset_in_octet)
for _body in BODIES:
    globals()[f"test_{_body.__name__}"] = register(_body)
