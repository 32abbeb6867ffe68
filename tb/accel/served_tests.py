# SPDX-License-Identifier: BSD-2-Clause
"""The cocotb tests of accelerators with a serial port: a host at the pins.

The session's size is the number of requests per test. A core that needs weights gets them after each reset.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from gatewright.hw.accel.served_config import ServedConfig
from gatewright.hw.accel.served_golden import requests
from gatewright.hw.bus.protocol import CYCLES_BYTES, HEADER_BYTES, REPLY, Command
from gatewright.hw.bus.rfc1662 import encode
from gatewright.hw.bus.uart_rx.config import UartRxConfig
from gatewright.hw.bus.uart_rx.golden import receive
from gatewright.tb.accel.served import draw, draw_run
from gatewright.tb.bus.waves import Levels, frames
from gatewright.tb.harness.stream_tests import Session, register
from gatewright.tb.harness.streams import BenchError

TESTS = (
    "sound_requests", "corner_inputs", "wrong_requests", "dropped_frames", "disturbed_line", "weights",
    "back_to_back", "reset_in_request", "reset_in_run", "reset_in_reply",
)  # fmt: skip

HANDED_ON = {Command.RUN | REPLY, Command.LOAD | REPLY}
PAST = bytearray()  # octets heard since the last reset: weights may be among them
IDLE = 12  # bits of idle line around an exchange
RX_CYCLES = 4  # from the sample in a stop bit to the core


@dataclass
class Record:
    """Levels seen at the pins, one per cycle."""

    tx: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)


async def play(session: Session, level: Levels, record: Record | None = None) -> Record:
    """Drive a waveform; record what the design does."""
    dut, streams = session.streams.dut, session.streams
    record = record or Record()
    for bit in level.tolist():
        dut.rx.value = bit
        await streams.settle()
        record.tx.append(int(dut.tx.value))
        record.busy.append(int(dut.busy.value))
        if session.beside:
            pins = (int(dut.sck.value), int(dut.cs_n.value), int(dut.mosi.value))
            dut.miso.value = session.beside.step(*pins)
        await streams.tick()
        session.counts.cycles += 1
    return record


async def fresh(session: Session, cycles: int = 2, load: bool = True) -> None:
    """Reset with the line idle, then bring the weights."""
    session.streams.dut.rx.value = 1
    await session.streams.reset(cycles)
    PAST.clear()
    await boot(session)
    await play(session, idle(session, 1))
    if load:
        await bring_weights(session)


async def boot(session: Session) -> None:
    """Wait until the design has read its flash, if it has one."""
    session.beside = session.bench.beside and session.bench.beside(session.config)
    await play(session, np.ones(session.config.boot_cycles, np.int64))


async def bring_weights(session: Session) -> None:
    """Send the LOADs that the core needs."""
    for _ in range(session.config.served.loads):
        await ask(session, draw(session.config, session.rng, Command.LOAD, "random"))


def answered(session: Session, line: bytes) -> bytes:
    """Give what the golden model answers to a line's octets after those that it heard since the reset."""
    sent = []
    for octets in (bytes(PAST), bytes(PAST) + line):
        inputs = {"rx": {"data": np.frombuffer(octets, np.uint8).astype(np.int64)}}
        sent.append(bytes(session.bench.golden(session.config, inputs)["tx"]["data"].tolist()))
    PAST.extend(line)
    return sent[1][len(sent[0]) :]


def idle(session: Session, bits: int) -> Levels:
    """Give an idle line."""
    return np.ones(bits * session.config.divisor, dtype=np.int64)


def heard(session: Session, level: Levels) -> bytes:
    """Read the octets in a waveform."""
    octets, _ = receive(UartRxConfig(divisor=session.config.divisor), level)
    return bytes(value for _, value in octets)


def check_tx(session: Session, tx: list[int], expected: bytes) -> list[int]:
    """Hold every cycle of the line to octets of exact length; give the cycles in which they start."""
    config = UartRxConfig(divisor=session.config.divisor)
    level = np.array(tx)
    octets, errors = receive(config, np.concatenate([[1], level, np.ones(config.interval, dtype=np.int64)]))
    got = bytes(value for _, value in octets)
    if got != expected or errors:
        raise BenchError(f"heard {got.hex(' ')}, {len(errors)} framing errors; expected {expected.hex(' ')}")
    starts = [cycle - 1 - config.half - 9 * config.divisor for cycle, _ in octets]
    drawn = np.ones(len(level), dtype=np.int64)
    for start, value in zip(starts, got, strict=True):
        wave = frames([value], config.divisor)[2 * config.divisor : -2 * config.divisor]
        drawn[start : start + len(wave)] = wave[: len(drawn) - start]
    wrong = np.flatnonzero(drawn != level)
    if len(wrong):
        raise BenchError(f"cycle {wrong[0]}: tx is {level[wrong[0]]}, expected {drawn[wrong[0]]}")
    return starts


def longest(config: ServedConfig) -> int:
    """Give the cycles that a request may take: one input's, or what the accelerator says of its longest request."""
    return max(config.served.latency, config.latency)


def patience(session: Session, expected: bytes) -> Levels:
    """Give the idle line that an answer of so many octets needs, and some more in which nothing may come."""
    cycles = 10 * len(expected) * session.config.divisor + longest(session.config) + 40
    return np.concatenate([np.ones(cycles, dtype=np.int64), idle(session, 2 * IDLE)])


async def exchange(session: Session, level: Levels) -> bytes:
    """Play a waveform with one request in it, or none; compare the line with the golden model."""
    line = heard(session, level)
    expected = answered(session, line)
    record = await play(session, level)
    split = len(level)
    await play(session, patience(session, expected), record)
    starts = check_tx(session, record.tx, expected)
    ran = [answer for answer in requests(expected) if answer[0] in HANDED_ON and len(answer) > HEADER_BYTES]
    check_busy(record, split, bool(ran))
    session.counts.runs += 1
    session.counts.taken += len(line)
    session.counts.given += len(starts)
    return expected


def check_busy(record: Record, split: int, ran: bool) -> None:
    """The lamp is dark before and after; when a request has ended it shines only if the core runs."""
    if record.busy[0] or record.busy[-1]:
        raise BenchError("busy is high while nothing is asked for")
    if bool(record.busy[split - 1]) != ran:
        raise BenchError(f"busy is {record.busy[split - 1]} after the request, expected {int(ran)}")


async def ask(session: Session, request: bytes) -> bytes:
    """Send one request in a sound frame; give the frame that came back."""
    return await exchange(session, frames(encode(request), session.config.divisor))


def sequence(session: Session) -> int:
    """Draw a sequence number."""
    return int(session.rng.integers(0, 256))


async def still_answers(session: Session) -> None:
    """A good RUN is answered, whatever came before."""
    if not await ask(session, draw_run(session.config, session.rng, "random")):
        raise BenchError("the golden model gives a sound request no reply")


async def sound_requests(session: Session) -> None:
    """INFO, then RUNs at random inputs; every reply carries the sequence number and the exact cycle count."""
    await fresh(session)
    await ask(session, bytes((Command.INFO, sequence(session))))
    promise = session.config.served.run_cycles.to_bytes(CYCLES_BYTES, "little")
    for _ in range(session.size):
        request = draw_run(session.config, session.rng, "random")
        got = await ask(session, request)
        whole = requests(got)[0]
        counted = session.config.varies or whole[-CYCLES_BYTES:] == promise  # else the golden model has compared it
        if whole[:2] != bytes((Command.RUN | REPLY, request[1])) or not counted:
            raise BenchError(f"reply {whole.hex(' ')} to {request.hex(' ')} has a wrong head or cycle count")


async def corner_inputs(session: Session) -> None:
    """RUNs at corner inputs and sequence numbers that framing must escape; INFO once more between them."""
    await fresh(session)
    for number in (0x7E, 0x7D, 0x00, 0xFF):
        await ask(session, bytes((Command.RUN, number)) + draw_run(session.config, session.rng, "corners")[2:])
    await ask(session, bytes((Command.INFO, 0x7E)))
    for _ in range(session.size):
        await ask(session, draw_run(session.config, session.rng, "corners"))


async def wrong_requests(session: Session) -> None:
    """Wrong lengths and unknown commands get an error, frames of one octet nothing, the next request its answer."""
    await fresh(session)
    size, rng = session.config.served.input_bytes, session.rng
    turn = 1 << (size - 1).bit_length()  # octets after which a count of them comes round
    lengths = [0, 1, size - 1, size + 1, 2 * size, 2 * size + 1, size + turn]
    wrong = [bytes((Command.RUN, sequence(session))) + rng.bytes(length) for length in lengths if length != size]
    wrong += [bytes((Command.INFO, sequence(session))) + rng.bytes(length) for length in (1, size)]
    wrong += [bytes((command, sequence(session))) + rng.bytes(size) for command in (0x00, 0x03, 0x82, 0xFF)]
    wrong += [bytes((command,)) for command in (Command.INFO, Command.RUN, 0x55)]
    for request in wrong:
        await ask(session, request)
        if rng.random() < 0.4:
            await still_answers(session)
    await still_answers(session)


async def dropped_frames(session: Session) -> None:
    """A frame with a flipped bit, or broken off, is dropped without a word; the next one is answered."""
    config, rng = session.config, session.rng
    await fresh(session)
    for index in range(session.size):
        sound = encode(draw_run(config, rng, "random") if index % 4 else bytes((Command.INFO, index)))
        place = int(rng.integers(1, len(sound) - 1))
        match index % 3:
            case 0:  # the check sequence
                broken = sound[:-2] + bytes((sound[-2] ^ 0x01,)) + sound[-1:]
            case 1:  # any octet between the flags
                broken = sound[:place] + bytes((sound[place] ^ (1 << int(rng.integers(0, 8))),)) + sound[place + 1 :]
            case _:  # abort: an escape, then a flag
                broken = sound[:place] + bytes((0x7D, 0x7E))
        if requests(broken):
            continue  # the damage made another sound frame
        await exchange(session, frames(broken, config.divisor))
        await still_answers(session)


async def disturbed_line(session: Session) -> None:
    """Octets at random, glitches, a break and slow octets between frames; what is sound is answered."""
    config, rng = session.config, session.rng
    await fresh(session)
    for _ in range(max(2, session.size // 4)):
        noise = frames(rng.bytes(int(rng.integers(1, 12))) + b"\x7e", config.divisor)
        glitch = idle(session, 4)
        glitch[config.divisor] = 0
        request = encode(draw_run(config, rng, "random"))
        gaps = rng.integers(0, 3 * config.divisor, len(request))
        pause = np.zeros(25 * config.divisor, dtype=np.int64)
        await exchange(session, np.concatenate([noise, glitch, frames(request, config.divisor, gaps)]))
        await exchange(session, np.concatenate([pause, idle(session, 2), frames(request, config.divisor)]))


async def back_to_back(session: Session) -> None:
    """Each request starts as soon as the closing flag of the reply before it is heard."""
    config, rng = session.config, session.rng
    await fresh(session)
    record = Record()
    sent = b""
    for index in range(session.size):
        request = draw_run(config, rng, "random") if index % 3 else bytes((Command.INFO, index))
        line = encode(request)
        await play(session, frames(line, config.divisor)[2 * config.divisor : -2 * config.divisor], record)
        expected = answered(session, line)
        sent += expected
        await hear(session, record, expected.count(0x7E), 10 * config.divisor * (len(expected) + 4))
        session.counts.taken += len(line)
    await play(session, idle(session, 2 * IDLE), record)
    session.counts.given += len(check_tx(session, record.tx, sent))
    session.counts.runs += 1


async def hear(session: Session, record: Record, flags: int, limit: int) -> None:
    """Leave the line idle until as many flags as a reply has were heard, the last in its stop bit."""
    config = session.config
    begin = max(0, len(record.tx) - config.divisor)  # a reply may start within the request's last stop bit
    deadline = len(record.tx) + limit + longest(config)
    while len(record.tx) < deadline:
        await play(session, idle(session, 1), record)
        octets, _ = receive(UartRxConfig(divisor=config.divisor), np.array(record.tx[begin:]))
        if sum(value == 0x7E for _, value in octets) == flags:
            return
    raise BenchError(f"no reply within {limit} cycles")


async def reset_in_request(session: Session) -> None:
    """Reset in mid-request: nothing of it remains; the next request is answered."""
    config, rng = session.config, session.rng
    await fresh(session)
    level = frames(encode(draw_run(config, rng, "random")), config.divisor)
    for cut in np.linspace(3 * config.divisor, len(level) - 4 * config.divisor, 4).astype(int).tolist():
        await play(session, level[: cut + int(rng.integers(0, config.divisor))])
        await fresh(session, 1)
        await still_answers(session)


async def reset_in_run(session: Session) -> None:
    """Reset while the core runs: everything in it starts afresh."""
    config, rng = session.config, session.rng
    run = config.served.run_cycles
    for moment in sorted({1, run // 4, run // 2, run - 1, *rng.integers(0, run + 4, 3).tolist()}):
        await fresh(session, 1)
        level = frames(encode(draw_run(config, rng, "random")), config.divisor)
        end = len(level) - 2 * config.divisor - (config.divisor - config.divisor // 2)
        await play(session, np.concatenate([level[:end], np.ones(RX_CYCLES + moment, dtype=np.int64)]))
        await fresh(session, 1)
        await still_answers(session)


async def reset_in_reply(session: Session) -> None:
    """Reset in mid-reply: the line is idle at once and stays so; the next request is answered."""
    config, rng = session.config, session.rng
    for request in (bytes((Command.INFO, 1)), draw_run(config, rng, "random")):
        await fresh(session, 1)
        whole = 10 * config.divisor * len(answered(session, encode(request)))
        for low, high in pairwise(np.linspace(0, whole, 4).astype(int).tolist()):
            await fresh(session, 1)
            await play(session, frames(encode(request), config.divisor))
            await play(session, np.ones(int(rng.integers(low, high)), dtype=np.int64))
            await session.streams.reset(1)
            PAST.clear()
            check_tx(session, (await play(session, idle(session, IDLE))).tx, b"")
            if session.beside:
                await fresh(session, 1)
            await bring_weights(session)
            await still_answers(session)


async def weights(session: Session) -> None:
    """No RUN before all weights are there; each LOAD counts once, and one too many begins anew."""
    config, rng = session.config, session.rng
    await fresh(session, load=False)
    for index in range(2 * config.served.loads + 1):
        for kind in ("random", "corners")[: 1 + index % 2]:
            await ask(session, draw_run(config, rng, kind))
        load = encode(draw(config, rng, Command.LOAD, "random"))
        if rng.random() < 0.3:
            await exchange(session, frames(load[:-2] + bytes((load[-2] ^ 0x01,)) + load[-1:], config.divisor))
        await exchange(session, frames(load, config.divisor))
    await still_answers(session)


BODIES = (
    sound_requests, corner_inputs, wrong_requests, dropped_frames, disturbed_line, weights,
    back_to_back, reset_in_request, reset_in_run, reset_in_reply,
)  # fmt: skip
for _body in BODIES:
    globals()[f"test_{_body.__name__}"] = register(_body)
