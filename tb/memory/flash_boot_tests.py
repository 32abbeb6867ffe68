# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb tests of flash_boot, against a flash that sleeps at first."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.memory.flash_boot.golden import good, waveform
from gatewright.tb.harness.stream_tests import Session, register
from gatewright.tb.harness.streams import PATTERNS, WAITS, BenchError, Trace, always, pattern
from gatewright.tb.memory.spi_flash import SpiFlash
from gatewright.tb.memory.tb_flash_boot import stimulus

TESTS = ("sound_flash", "late_flash", "spoilt_flash", "spoilt_anywhere", "stalls", "no_flash", "reset_in_boot")

AFTER = 60  # cycles of silence watched once all is done
Octets = NDArray[np.int64]


@dataclass
class Seen:
    """What happened, cycle by cycle from the end of reset on."""

    words: list[int] = field(default_factory=list)  # cycles in which a word went
    done: int = -1  # first cycle with `done`
    pins: list[tuple[int, int, int]] = field(default_factory=list)  # cs_n, sck, mosi


async def boot(
    session: Session, passes: Octets, go: Iterator[bool] | None = None, waits: bool = False, late: int = 0,
    cycles: int | None = None,
) -> Seen:  # fmt: skip
    """Reset, then let the design read a flash that changes from pass to pass; hold words and stream rules to golden.

    It ends `AFTER` cycles after ``done``, or after so many ``cycles``.
    """
    config, streams, dut = session.config, session.streams, session.streams.dut
    expected = session.bench.golden(config, {"flash": {"octet": passes}})
    sink, trace, seen = streams.sinks[0], Trace(), Seen()
    dut.miso.value = 1
    await streams.reset(1)
    sink.start(config.outputs[0].pack(expected["o"]), go or always())
    sink.waits = waits
    flash = SpiFlash(passes[0].tolist(), config.offset, config.half_period, config.wake_cycles, late)
    limit = 2000 + 40 * config.pass_cycles * len(passes)
    cycle = stop = 0
    stop = cycles if cycles is not None else limit
    while cycle < stop:
        sink.drive()
        await streams.settle()
        pins = (int(dut.cs_n.value), int(dut.sck.value), int(dut.mosi.value))
        if pins[0] and not flash.cs_n and flash.address is not None:  # a pass has ended
            flash.octets = passes[min(len(flash.reads), len(passes) - 1)].tolist()
        dut.miso.value = flash.step(pins[1], pins[0], pins[2])
        await streams.settle()
        if session.rng.random() < 0.02 and go is not None:
            await sink.probe(cycle)
        given = trace.given
        sink.sample(trace, cycle)
        seen.words += [cycle] * (trace.given - given)
        seen.pins.append(pins)
        _watch_done(seen, bool(dut.done.value), cycle)
        if seen.done == cycle and cycles is None:
            stop = cycle + AFTER
        await streams.tick()
        cycle += 1
    session.counts.add(trace)
    session.counts.cycles += cycle
    session.counts.taken += flash.sent
    if any(address != config.offset for address in flash.reads):
        raise BenchError(f"reads began at {flash.reads}, promised {config.offset}")
    if cycles is None:
        _complete(seen, sink.got, sink.expected, limit)
    return seen


def _watch_done(seen: Seen, done: bool, cycle: int) -> None:
    if seen.done >= 0 and not done:
        raise BenchError(f"cycle {cycle}: done fell")
    if done and seen.done < 0:
        seen.done = cycle


def _complete(seen: Seen, got: list[int], expected: list[int], limit: int) -> None:
    if seen.done < 0:
        raise BenchError(f"not done after {limit} cycles; {len(got)} of {len(expected)} words came")
    if len(got) < len(expected):
        raise BenchError(f"done after {len(got)} of {len(expected)} words")
    quiet = set(seen.pins[seen.done :])
    if quiet != {(1, 0, 0)}:
        raise BenchError(f"cs_n, sck, mosi are {sorted(quiet)} once all is done, promised 1, 0, 0")


def check_timing(session: Session, seen: Seen, passes: int) -> None:
    """Hold a boot without stalls to the formulas, and its pins to the golden waveform."""
    config = session.config
    words = [
        number * config.pass_cycles + config.latency + index * config.interval
        for number in range(passes)
        for index in range(config.words)
    ]
    if seen.words != words:
        raise BenchError(f"words came in cycles {seen.words[:9]}.., promised {words[:9]}..")
    if seen.done != passes * config.pass_cycles:
        raise BenchError(f"done after {seen.done} cycles, promised {passes * config.pass_cycles}")
    levels = waveform(config)
    promised = list(zip(*(levels[name].tolist() for name in ("cs_n", "sck", "mosi")), strict=True)) * passes
    wrong = next((c for c, (got, want) in enumerate(zip(seen.pins, promised, strict=False)) if got != want), None)
    if wrong is not None:
        raise BenchError(f"cycle {wrong}: cs_n, sck, mosi are {seen.pins[wrong]}, promised {promised[wrong]}")


def flash_of(session: Session, kind: str, size: int) -> Octets:
    """Draw what the passes of a boot find."""
    return np.asarray(stimulus(session.config, session.rng, kind, size)["flash"]["octet"])


async def sound_flash(session: Session) -> None:
    """Good flashes, nothing stalling: words, pins, cycles."""
    for kind in ("random", "corners", "random"):
        check_timing(session, await boot(session, flash_of(session, kind, 1)), 1)


async def late_flash(session: Session) -> None:
    """A flash that changes ``miso`` up to half an SPI period after the falling edge is read as well."""
    for late in sorted({1, session.config.half_period}):
        check_timing(session, await boot(session, flash_of(session, "random", 1), late=late), 1)


async def spoilt_flash(session: Session) -> None:
    """One wrong bit in each of two passes, then none: the words come three times, done once."""
    for kind in ("random", "corners"):
        check_timing(session, await boot(session, flash_of(session, kind, 3)), 3)


async def spoilt_anywhere(session: Session) -> None:
    """A wrong bit is found in every octet, those of the check sequence included, and in two at a time."""
    octets = flash_of(session, "random", 1)[0]
    for index in range(min(len(octets), session.size + 2)):
        at = index - 2  # the check sequence first
        spoilt = octets.copy()
        spoilt[at] ^= 1 << (index % 8)
        spoilt[(at + index) % len(octets)] ^= 0x80 * (index % 2)
        if good(spoilt):
            continue
        await boot(session, np.stack([spoilt, octets]))


async def stalls(session: Session) -> None:
    """Every stall pattern: the SPI clock waits, nothing is lost."""
    for name in PATTERNS[1:]:
        for late in (0, session.config.half_period):
            go = pattern(name, "sink", session.rng)
            passes = flash_of(session, "random", 1 + late % 2)
            await boot(session, passes, go, waits=name == WAITS, late=late)
    slow = (cycle % (3 * session.config.interval) == 0 for cycle in range(1 << 40))
    await boot(session, flash_of(session, "random", 2), slow)


async def no_flash(session: Session) -> None:
    """Where nobody answers, the words are all ones or zeros, and it never is done."""
    config = session.config
    for octet in (0x00, 0xFF):
        octets = np.full((2, config.image_bytes), octet)
        if good(octets[0]):
            raise BenchError(f"octets {octet:#x} are a sound image")
        seen = await boot(session, octets, cycles=2 * config.pass_cycles)
        if seen.done >= 0 or len(seen.words) != 2 * config.words:
            raise BenchError(f"{len(seen.words)} words came of two passes over {octet:#x}, done at {seen.done}")


async def reset_in_boot(session: Session) -> None:
    """Reset anywhere, also once done: the next boot is as fresh as ever."""
    config = session.config
    moments = [*session.rng.integers(1, config.pass_cycles, 6).tolist(), config.latency, config.pass_cycles + 3]
    for moment in moments:
        stop = int(moment)
        go = always() if stop > config.pass_cycles else pattern("even", "sink", session.rng)
        await boot(session, flash_of(session, "random", 1), go, cycles=stop)
        check_timing(session, await boot(session, flash_of(session, "corners", 1)), 1)


BODIES = (sound_flash, late_flash, spoilt_flash, spoilt_anywhere, stalls, no_flash, reset_in_boot)
for _body in BODIES:
    globals()[f"test_{_body.__name__}"] = register(_body)
