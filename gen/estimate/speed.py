# SPDX-License-Identifier: BSD-2-Clause
"""How fast tokens come, step by step, and what bounds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.gen.estimate.core import Cycles
from gatewright.gen.estimate.devices import Clock, Device
from gatewright.gen.estimate.resources import word_bits, words_of
from gatewright.gen.estimate.traffic import STEP_OF, Traffic, traffic_of
from gatewright.hw.accel.lm_core.timing import BEFORE

APART = 8  # positions between those that are followed, where weights come from outside


@dataclass(frozen=True)
class Step:
    """A kind of step, all layers together.

    Attributes
    ----------
    cycles : int
        By the cycle model, nothing stalling.
    words : int
        Cycles of those in which the engine takes weights.
    octets : float
        Bytes from memory.
    """

    name: str
    cycles: int
    words: int
    octets: float


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A token in the middle of a text.

    Attributes
    ----------
    cycles : int
        By the cycle model.
    outside_cycles : float
        What the memory outside needs for its bytes; 0 without it.
    apart_cycles : float
        All, if nothing is fetched ahead: each step takes the longer of the two.
    limits : dict
        Tokens a second if nothing but that counted.
    """

    position: int
    clock: Clock
    steps: tuple[Step, ...]
    traffic: Traffic
    cycles: int
    outside_cycles: float
    apart_cycles: float
    limits: dict[str, float]
    binds: str

    @property
    def token_cycles(self) -> float:
        """Cycles that a token takes."""
        return max(self.cycles, self.outside_cycles)

    @property
    def tokens_per_second(self) -> float:
        """Decode."""
        return self.clock.mhz * 1e6 / self.token_cycles

    @property
    def tokens_per_second_apart(self) -> float:
        """Decode, if nothing is fetched ahead."""
        return self.clock.mhz * 1e6 / self.apart_cycles


def octets_a_cycle(device: Device, clock: Clock) -> float:
    """Give the bytes that come from outside in a cycle."""
    assert device.external is not None
    return device.external.rate / (clock.mhz * 1e6)


def speed_of(core: Any, device: Device, clock: Clock, position: int) -> Speed:
    """Follow a token at a position, the next one found."""
    times, words, traffic = Cycles(core).steps(position, True), words_of(core), traffic_of(core, position)
    octets = dict(traffic.weights_of) | {
        "embed": traffic.embedding, "attend": traffic.keys_values_read + traffic.keys_values_written,
    }  # fmt: skip
    steps = tuple(
        Step(name, cycles, words[STEP_OF[name]] if name in STEP_OF else 0, octets.get(name, 0.0))
        for name, cycles in times.items()
    )
    total, outside, apart = sum(times.values()), 0.0, float(sum(times.values()))
    taken = sum(words.values())
    hertz = clock.mhz * 1e6
    limits = {"engine: a word of weights each cycle": hertz / taken}
    if times["attend"]:
        limits["mixer between the engine's first and second matrix"] = hertz / times["attend"]
    waits = total - taken - times["attend"]
    limits["norms, pipelines, what each step waits for"] = hertz / waits
    if device.external is not None:
        rate = octets_a_cycle(device, clock)
        outside = traffic.outside / rate
        apart = sum(max(step.cycles, step.octets / rate) for step in steps) + traffic.gains / rate
        limits[f"bandwidth of {device.external.name}"] = hertz / outside
    binds = _binding(limits, total, outside)
    # What the chip's memory could give, were the engine wide enough; for comparison only.
    ports = sum(count * kind.widest for kind, count in device.memories)
    limits["memory ports: all blocks of the device read in their widest mode"] = hertz * ports / (
        8 * (traffic.weights + traffic.keys_values_read)
    )
    return Speed(
        position=position, clock=clock, steps=steps, traffic=traffic, cycles=total, outside_cycles=outside,
        apart_cycles=apart, limits=limits, binds=binds,
    )  # fmt: skip


def _binding(limits: dict[str, float], total: int, outside: float) -> str:
    """Name what binds: steps follow each other, so the longest of them; or the memory outside, which works beside."""
    if outside >= total:
        return next(name for name in limits if name.startswith("bandwidth"))
    return min((name for name in limits if not name.startswith("bandwidth")), key=lambda name: limits[name])


def first_token(core: Any, device: Device, clock: Clock, prompt: int) -> float:
    """Give the seconds from a prompt's last octet to the token after it: tokens go through one after another."""
    model, last = Cycles(core), prompt - 1
    if device.external is None:
        return float((BEFORE + sum(model.token(p, p == last) for p in range(prompt))) / (clock.mhz * 1e6))
    rate = octets_a_cycle(device, clock)

    def cost(position: int, head: bool) -> float:
        cycles = sum(model.steps(position, head).values())
        return max(cycles, traffic_of(core, position, head).outside / rate)

    places = sorted({*range(0, last, APART), max(0, last - 1)})
    found = _between(places, [cost(place, False) for place in places], last)
    return (BEFORE + sum(found) + cost(last, True)) / (clock.mhz * 1e6)


def _between(places: Sequence[int], values: Sequence[float], count: int) -> list[float]:
    """Draw lines between positions that were followed."""
    found: list[float] = []
    for place in range(count):
        right = next(index for index, known in enumerate(places) if known >= place)
        left = max(0, right - 1) if places[right] != place else right
        span = places[right] - places[left]
        share = (place - places[left]) / span if span else 0.0
        found.append(values[left] + share * (values[right] - values[left]))
    return found


def weights_ahead_bits(core: Any, device: Device, clock: Clock, speed: Speed) -> int:
    """Give the bits of weights that come, in a layer, while the engine takes none: so much must wait on chip."""
    if device.external is None:
        return 0
    rate = octets_a_cycle(device, clock)
    spare = 0.0
    for step in speed.steps:
        if step.name == "attend":  # keys and values come first
            spare += max(0.0, step.cycles * rate - step.octets)
        elif step.words and step.name != "head":
            spare += (step.cycles - step.words) * rate
    layer = sum(octets for name, octets in speed.traffic.weights_of.items() if name != "head")
    return int(8 * min(spare, layer) / core.layers) + 2 * word_bits(core)
