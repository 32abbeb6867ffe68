# SPDX-License-Identifier: BSD-2-Clause
"""What room `small_lm` takes of a device, and how fast its tokens come: one multiplier, one memory, no search."""

from dataclasses import replace
from typing import Any

from gatewright.fpga_boards.registry import boards, boards_with_flash
from gatewright.gen.estimate.core import Geometry
from gatewright.gen.estimate.costs import cost, link
from gatewright.gen.estimate.devices import Clock, Device
from gatewright.gen.estimate.resources import Part, Store, blocks_of, placed
from gatewright.gen.estimate.speed import Speed, Step
from gatewright.gen.estimate.traffic import Traffic
from gatewright.hw.accel.lm_core.shape import ACT_BITS, WIDE_BITS
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.accel.lm_serial.tape import (
    MATRICES,
    NORMS,
    WORD_BITS,
    WORD_TRITS,
    row_words,
    shape_of,
    steps,
    tape_words,
)  # fmt: skip
from gatewright.hw.accel.small_lm.config import SmallLmConfig

OCTETS = WORD_BITS // 8  # a word's
GEOMETRY = Geometry(
    inputs_per_cycle=WORD_TRITS, outputs_per_cycle=1, method="adders of trits", group=WORD_TRITS, packing="TQ1_0",
    why="the only one of room small_lm",
)  # fmt: skip


def parts_of(device: Device) -> list[Part]:
    """List the logic; it hardly grows with the model, so it is that of kjv-mqa."""
    names = {"lm_serial": "serial core, as synthesised for kjv-mqa", "flash_boot": "reader of the flash"}
    found = [Part(title, 1, cost(room, {}, device.family)) for room, title in names.items()]
    return [*found, Part("serial line", 1, link(device.family))]


def stores_of(core: LmSerialConfig, device: Device) -> list[Store]:
    """List the memories; the one of constants and cache is read or written once a cycle, so one port is enough."""
    words = core.memory.first + core.memory.words
    one_port = [kind for kind, _ in device.memories if kind.name == "SPRAM"]
    big = ("constants and cache", words, WORD_BITS)
    table = core.attention.softmax.plan.falling
    assert table is not None
    factors = max(*table.high, *table.low).bit_length()
    inside = [
        ("residual row, results, queries", core.scratch_words, WIDE_BITS),
        ("scores, exponentials, probabilities", core.context, core.score_word_bits),
        ("factors of exponentials", 2 * max(len(table.high), len(table.low)), factors),
    ]
    first = [Store(*big, kind.name, blocks_of(kind, words, WORD_BITS)) for kind in one_port] or [placed(*big, device)]
    return [*first, *(placed(name, deep, width, device) for name, deep, width in inside), _acts(core, device)]


def _acts(core: LmSerialConfig, device: Device) -> Store:
    """Place the row of activations, written an octet at a time: a memory for each octet of a word."""
    lane = placed("row of activations", core.act_words, ACT_BITS, device)
    return replace(lane, width=ACT_BITS * WORD_TRITS, blocks=WORD_TRITS * lane.blocks)


def reasons(device: Device) -> list[str]:
    """Say what stands against it apart from resources."""
    board = boards().get(device.name)
    if board is not None and board.flash is None:
        return [
            f"its constants come from SPI flash, and {device.name} has none on pins that a design may use; "
            f"there is one on {boards_with_flash()}"
        ]
    return []


def booting(config: SmallLmConfig, clock: Clock) -> str:
    """Say how long it takes until requests are answered."""
    milliseconds = config.boot_cycles / (1e3 * clock.mhz)
    return f"after a reset it reads {config.core.image_words:,} words from flash: {milliseconds:,.4g} ms"


def words_of(core: LmSerialConfig, position: int) -> dict[str, int]:
    """Give the words that a token reads or writes in the memory, by kind of step."""
    found = {"embed": core.features // 2, "norms": 0, "matrices": 0, "rotate": 0, "attend": 0, "head": 0}
    for layer, step in steps(core):
        name = "matrices" if step in MATRICES else "norms" if step in NORMS else step.name.lower()
        found["head" if layer == core.layers else name] += tape_words(core, step)
    turned = core.head_dim  # a cosine and a sine for each pair
    found["rotate"] += core.layers * (turned + core.cached)
    found["attend"] += core.layers * core.heads * (position + 1) * core.head_dim
    return found


def traffic_of(core: LmSerialConfig, position: int) -> Traffic:
    """Count bytes for a token at a position, the next one found."""
    spans = [(layer == core.layers, shape_of(core, step)) for layer, step in steps(core) if step in MATRICES]
    shapes = [shape for _, shape in spans]
    trits = sum(outputs * inputs for outputs, inputs in shapes)
    weights = {"matrices": 0.0, "head": 0.0}
    for last, (outputs, inputs) in spans:
        weights["head" if last else "matrices"] += OCTETS * outputs * row_words(inputs)
    gains = sum(tape_words(core, step) for _, step in steps(core) if step in NORMS)
    rows = sum(inputs + 2 * outputs for outputs, inputs in shapes) + core.layers * 4 * 2 * core.features
    read = OCTETS * core.layers * core.heads * (position + 1) * core.head_dim
    return Traffic(
        trits=trits, weights=sum(weights.values()), packed=OCTETS * trits / WORD_TRITS, weights_of=weights,
        gains=float(OCTETS * gains), keys_values_read=float(read),
        keys_values_written=float(core.layers * 2 * core.cached), embedding=float(core.features),
        activations=float(rows),
    )  # fmt: skip


def speed_of(core: LmSerialConfig, clock: Clock, position: int) -> Speed:
    """Follow a token at a position, the next one found."""
    times, words = core.timing.steps(position, True), words_of(core, position)
    traffic = traffic_of(core, position)
    rows = {name: round(octets / OCTETS) for name, octets in traffic.weights_of.items()}
    found = tuple(
        Step(name, cycles, rows.get(name, 0), float(OCTETS * words.get(name, 0))) for name, cycles in times.items()
    )
    total, hertz, taken = sum(times.values()), clock.mhz * 1e6, sum(rows.values())
    limits = {
        f"rows of trits: {WORD_TRITS} a cycle": hertz / taken,
        "attention, one head after another": hertz / times["attend"],
        "norms, rotation, what each step waits for": hertz / (total - taken - times["attend"]),
        f"memory port: a word of {WORD_BITS} bits each cycle, rows of trits among them": hertz / sum(words.values()),
    }
    binds = min(limits, key=lambda name: limits[name])
    return Speed(
        position=position, clock=clock, steps=found, traffic=traffic, cycles=total, outside_cycles=0.0,
        apart_cycles=float(total), limits=limits, binds=binds,
    )  # fmt: skip


def first_token(core: LmSerialConfig, clock: Clock, prompt: int) -> float:
    """Give the seconds from a prompt's last octet to the token after it."""
    cycles: Any = core.timing.run(range(prompt), [False] * (prompt - 1) + [True])
    return float(cycles / (clock.mhz * 1e6))
