# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb tests of uart_tx. The session's size is the number of octets per test."""

from collections.abc import Iterator

import numpy as np

from gatewright.tb.bus.waves import Levels
from gatewright.tb.harness.stream_tests import Session, register
from gatewright.tb.harness.streams import BenchError, Trace, always, bursts, sometimes

TESTS = ("back_to_back", "with_gaps", "reset_in_octet")


async def send(
    session: Session, octets: list[int], go: Iterator[bool], cycles: int
) -> tuple[Levels, list[int], list[int]]:
    """Offer octets for a number of cycles; give the line's levels, and when each was offered and taken."""
    dut, streams = session.streams.dut, session.streams
    source = streams.sources[0]
    source.start(octets, go)
    trace = Trace()
    level = np.ones(cycles, dtype=np.int64)
    offered: list[int] = []
    taken: list[int] = []
    for cycle in range(cycles):
        source.drive()
        if source.offered and len(offered) == source.index:
            offered.append(cycle)
        await streams.settle()
        before = source.index
        source.sample(trace, cycle)
        if source.index > before:
            taken.append(cycle)
        level[cycle] = int(dut.tx.value)
        await streams.tick()
    session.counts.runs += 1
    session.counts.cycles += cycles
    session.counts.taken += trace.taken
    session.counts.stalled_in += trace.stalled_in
    return level, offered, taken


def line_of(session: Session, octets: list[int], taken: list[int], cycles: int) -> Levels:
    """Place the golden waveform of each octet one cycle after its transfer; elsewhere the line is idle."""
    level = np.ones(cycles, dtype=np.int64)
    for octet, cycle in zip(octets, taken, strict=True):
        wave = session.bench.golden(session.config, {"i": {"data": np.array([octet])}})["tx"]["level"]
        start = cycle + session.config.latency
        level[start : start + len(wave)] = wave[: max(0, cycles - start)]
    return level


async def judge(session: Session, octets: list[int], go: Iterator[bool], slack: int) -> list[int]:
    """Send all octets and compare the line in every cycle; each is taken as soon as the line is free."""
    interval = session.config.interval
    cycles = session.config.cycles({"i": {"data": np.array(octets)}}) + slack
    level, offered, taken = await send(session, octets, go, cycles)
    if len(taken) != len(octets):
        raise BenchError(f"took {len(taken)} of {len(octets)} octets in {cycles} cycles")
    free = [0, *(cycle + interval for cycle in taken)]
    due = [max(pair) for pair in zip(offered, free[:-1], strict=True)]
    if taken != due:
        raise BenchError(f"octets offered in cycles {offered} were taken in {taken}, due in {due}")
    wrong = np.flatnonzero(level != line_of(session, octets, taken, cycles))
    if len(wrong):
        raise BenchError(f"cycle {wrong[0]}: tx is {level[wrong[0]]}, expected {1 - level[wrong[0]]}")
    return taken


def draw(session: Session, kind: str) -> list[int]:
    """Draw octets for one test."""
    stimulus = session.bench.stimulus(session.config, session.rng, kind, session.size)
    return list(map(int, stimulus["i"]["data"]))


async def back_to_back(session: Session) -> None:
    """Full rate: no idle cycle between a stop bit and the next start bit."""
    for kind in ("random", "corners"):
        await session.streams.reset()
        octets = draw(session, kind)
        taken = await judge(session, octets, always(), 3)
        if taken != [index * session.config.interval for index in range(len(octets))]:
            raise BenchError(f"octets taken in cycles {taken}, not every {session.config.interval} from 0 on")


async def with_gaps(session: Session) -> None:
    """Octets offered at random moments."""
    await session.streams.reset()
    interval = session.config.interval
    octets = draw(session, "random")
    await judge(session, octets, sometimes(session.rng, 2 / interval), 4 * interval * len(octets))
    await judge(session, octets, bursts(session.rng, interval), 4 * interval * len(octets))


async def reset_in_octet(session: Session) -> None:
    """Reset in mid-octet: the line is idle at once, the next octet is whole."""
    for part in (0.4, 3.5, 9.5):
        await session.streams.reset(1)
        await send(session, [0x00, 0x00], always(), int(part * session.config.divisor))
        await session.streams.reset(1)
        await judge(session, draw(session, "random")[:2], always(), 3)


BODIES = (back_to_back, with_gaps, reset_in_octet)
for _body in BODIES:
    globals()[f"test_{_body.__name__}"] = register(_body)
