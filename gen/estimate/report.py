# SPDX-License-Identifier: BSD-2-Clause
"""Put an estimate together: geometry, resources, speed, and whether it fits and why."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from gatewright.gen.estimate import serial
from gatewright.gen.estimate.core import Geometry, candidates, geometry_of, refusal, wide_core, with_products
from gatewright.gen.estimate.devices import Clock, Device, clock_of, overhead_of, reports
from gatewright.gen.estimate.models import Subject
from gatewright.gen.estimate.resources import Part, Store, parts_of, stores_of, used_luts
from gatewright.gen.estimate.speed import Speed, first_token, octets_a_cycle, speed_of, weights_ahead_bits
from gatewright.hw.accel.lm_serial.config import LmSerialConfig
from gatewright.hw.core.errors import ConfigError

PROMPT = 64  # tokens
FILL = 0.7  # of the LUTs that a search may fill; routing needs room
NEAR = 0.98  # of the best speed that the smallest engine is chosen for


@dataclass(frozen=True)
class Need:
    """What a core takes of a resource, beside what there is."""

    resource: str
    used: int
    available: int

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.used <= self.available


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How a model would run on a device."""

    subject: Subject
    device: Device
    geometry: Geometry
    clock: Clock
    parts: tuple[Part, ...]
    stores: tuple[Store, ...]
    needs: tuple[Need, ...]
    speed: Speed
    prompt: int
    first_token: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether nothing stands against it."""
        return not self.reasons


def estimate(
    subject: Subject, device: Device, *, context: int | None = None, prompt: int | None = None,
    mhz: float | None = None, inputs: int | None = None, outputs: int | None = None,
) -> Estimate:  # fmt: skip
    """Estimate a model on a device.

    Parameters
    ----------
    context : int, optional
        Tokens before the one that is timed; half of the model's context if absent.
    prompt : int, optional
        Tokens of the prompt of which the time to the first token counts; 64 if absent, or what the context holds.
    mhz : float, optional
        Clock rate; see `clock_of`.
    inputs, outputs : int, optional
        Of the engine, per cycle; searched if absent.

    Raises
    ------
    ConfigError
        If a number does not suit the model.
    """
    most = subject.geometry.context
    position = most // 2 if context is None else context
    prompt = min(PROMPT, most) if prompt is None else prompt
    for name, value, low in (("context", position, 0), ("prompt_tokens", prompt, 1)):
        top = most - 1 if name == "context" else most
        if subject.geometry.family == "transformer" and not low <= value <= top:
            raise ConfigError(f"{name} must lie in {low}..{top} for {subject.name}, not {value}")
    design = subject.design if device.external is None else None
    clock = clock_of(
        device, design.name if design else None, mhz, design.config.clock_hz if design else 0
    )  # fmt: skip
    core: Any
    if design and not (inputs or outputs):
        core = design.config.core
        geometry = serial.GEOMETRY if isinstance(core, LmSerialConfig) else geometry_of(core)
    else:
        geometry = _search(subject, device, clock, position, inputs, outputs)
        core = wide_core(subject, geometry)
    position = min(position, core.context - 1) if core.family == "transformer" else 0
    prompt = min(prompt, core.context) if core.family == "transformer" else prompt
    if design and isinstance(core, LmSerialConfig):
        speed, first = serial.speed_of(core, clock, position), serial.first_token(core, clock, prompt)
        parts, stores = serial.parts_of(device), serial.stores_of(core, device)
        needs = needs_of(parts, stores, device)
        reasons = _short_of(needs) + serial.reasons(device)
        extra = [serial.booting(design.config, clock)]
    else:
        speed, first = speed_of(core, device, clock, position), first_token(core, device, clock, prompt)
        parts, stores = parts_of(core, device), stores_of(core, device, weights_ahead_bits(core, device, clock, speed))
        needs = needs_of(parts, stores, device)
        reasons, extra = _short_of(needs) + _reasons(subject, device, geometry, stores), []
    return Estimate(
        subject=subject, device=device, geometry=geometry, clock=clock, parts=tuple(parts), stores=tuple(stores),
        needs=tuple(needs), speed=speed, prompt=prompt, first_token=first, reasons=tuple(reasons),
        notes=(*extra, *_notes(subject, device, clock, core, speed, parts, needs)),
    )  # fmt: skip


def needs_of(parts: list[Part], stores: list[Store], device: Device) -> list[Need]:
    """Add up, resource by resource."""
    found = [
        Need("LUT", round(used_luts(parts, stores)), device.lut),
        Need("FF", round(sum(part.cost.ff for part in parts)), device.ff),
        Need("DSP", round(sum(part.cost.dsp for part in parts)), device.dsp),
    ]
    for kind, count in device.memories:
        found.append(Need(kind.name, sum(store.blocks for store in stores if store.kind == kind.name), count))
    return found


def _search(
    subject: Subject, device: Device, clock: Clock, position: int, inputs: int | None, outputs: int | None
) -> Geometry:
    """Choose the smallest engine that is about as fast as any that fits; if none does, the smallest of all.

    Speeds are those without anything fetched ahead, so that an engine is wide enough for the memory outside.
    """
    found: list[tuple[float, Geometry]] = []
    smallest: Geometry | None = None
    for each in candidates(subject, inputs, outputs, device.external is None):
        if device.external is not None and outputs is None and each.outputs_per_cycle < 8:
            continue
        geometry = _with_logic(subject, device, each)
        smallest = smallest or geometry
        core = wide_core(subject, geometry)
        stores = stores_of(core, device)
        needs = needs_of(parts_of(core, device), stores, device)
        tight = [need.used > need.available * (FILL if need.resource == "LUT" else 1) for need in needs]
        if any(tight) and not (inputs and outputs):
            continue
        here = min(position, core.context - 1) if core.family == "transformer" else 0
        found.append((speed_of(core, device, clock, here).tokens_per_second_apart, geometry))
    if smallest is None:
        raise ConfigError(
            f"{subject.name}: no engine suits rows of {subject.geometry.dim} and {subject.geometry.ff} elements"
            + (f" with inputs_per_cycle = {inputs}" if inputs else "")
            + (f" with outputs_per_cycle = {outputs}" if outputs else "")
        )
    if not found:
        return replace(smallest, why="the smallest engine of the search; none fits")
    best = max(speed for speed, _ in found)
    chosen = next(geometry for speed, geometry in found if speed >= NEAR * best)
    if inputs and outputs:
        return replace(chosen, why="asked for")
    table = "gen/ternary/costs.json, fitted to rows of scripts/results/bench_ternary.json"
    return replace(
        chosen,
        why=f"the smallest engine within {100 * (1 - NEAR):.0f} % of the fastest that fits "
        f"{100 * FILL:.0f} % of the LUTs by {table}",
    )


def _with_logic(subject: Subject, device: Device, geometry: Geometry) -> Geometry:
    """Give attention the hard multipliers that the other rooms leave, and logic for the rest."""
    if subject.geometry.family != "transformer":
        return geometry
    products = wide_core(subject, geometry).attention.products
    core = wide_core(subject, replace(geometry, logic_products=products))
    others = sum(part.cost.dsp for part in parts_of(core, device))
    return with_products(geometry, products, max(0, int(device.dsp - others)))


def _short_of(needs: list[Need]) -> list[str]:
    """List the resources of which there is not enough."""
    return [f"{need.resource}: needs {need.used:,}, has {need.available:,}" for need in needs if not need.fits]


def _reasons(subject: Subject, device: Device, geometry: Geometry, stores: list[Store]) -> list[str]:
    """List what stands against it apart from resources."""
    found = []
    if device.external is None:
        against = refusal(subject, geometry)
        found += [against] if against else []
    for store in stores:
        if store.name == "weights" and store.kind == "SPRAM":
            width = device.count("SPRAM") * 16
            if store.width > width:
                found.append(f"weights come in words of {store.width} bits, and SPRAM gives {width} a cycle")
    return found


def _notes(
    subject: Subject, device: Device, clock: Clock, core: Any, speed: Speed, parts: list[Part], needs: list[Need]
) -> list[str]:
    """Say what the numbers rest on."""
    found = []
    if device.external is not None:
        external = device.external
        found.append(
            f"a projection: nothing was placed for {device.name}, readers of its memory are not built. "
            f"{external.name}: {external.peak / 1e9:g} GB/s at its peak, of which {external.efficiency:g} is assumed: "
            f"{octets_a_cycle(device, clock):.4g} bytes a cycle"
        )
        found.append(
            "weights, gains, cache and embedding are fetched ahead while the core computes; without that each step "
            f"takes the longer of the two: {speed.tokens_per_second_apart:.4g} tokens/s"
        )
        against = refusal(subject, geometry_of(core))
        if against:
            found.append(f"beyond the RTL of today: {against}; the cycle model's formulas are used beyond its limits")
    if core.head_digits > 1:
        found.append(f"the head's weights are octets: {core.head_digits} digits to base 3 each, by the same engine")
    if core.family == "transformer" and core.context < subject.geometry.context:
        found.append(f"the cache is cut to {core.context} tokens, what attention's softmax admits")
    missing = [part.name for part in parts if not part.cost.source or part.note]
    if missing:
        found.append(f"without a measured row, and so not in the sums: {'; '.join(missing)}")
    known = dict(reports(device.name))
    if known:
        worst = max(overhead_of(report) for report in known.values())
        lut = next(need for need in needs if need.resource == "LUT")
        found.append(
            f"LUTs are those of synthesis; placing took up to {worst:.2f} times as many sites ({', '.join(known)}), "
            f"which would be {round(lut.used * worst):,} here"
        )
    return found


def as_json(found: Estimate) -> dict[str, Any]:
    """Give an estimate as plain data."""
    subject, device, speed = found.subject, found.device, found.speed
    return {
        "model": subject.name, "model_source": subject.source, "shape": asdict(subject.geometry), "head": subject.head,
        "device": device.name, "projection": device.projection, "fits": found.fits, "reasons": list(found.reasons),
        "geometry": asdict(found.geometry), "clock_mhz": found.clock.mhz, "clock_source": found.clock.source,
        "resources": {need.resource: {"used": need.used, "available": need.available, "fits": need.fits}
                      for need in found.needs},
        "parts": [{"part": part.name, "count": part.count, "luts": round(part.cost.luts), "ff": round(part.cost.ff),
                   "dsp": round(part.cost.dsp), "source": part.cost.source or part.note} for part in found.parts],
        "memories": [{"memory": store.name, "words": store.words, "width": store.width, "bits": store.bits,
                      "in": store.kind, "blocks": store.blocks} for store in found.stores],
        "context": speed.position, "cycles_per_token": speed.cycles,
        "external_cycles_per_token": speed.outside_cycles, "tokens_per_second": speed.tokens_per_second,
        "tokens_per_second_nothing_ahead": speed.tokens_per_second_apart, "prompt_tokens": found.prompt,
        "seconds_to_first_token": found.first_token,
        "steps": [{"step": step.name, "cycles": step.cycles, "engine_words": step.words, "bytes": step.octets}
                  for step in speed.steps],
        "traffic_bytes": asdict(speed.traffic) | {"external": speed.traffic.outside if device.external else 0.0},
        "bandwidth_bytes_per_second": device.external.rate if device.external else None,
        "limits_tokens_per_second": speed.limits, "binds": speed.binds,
        "published": [asdict(each) for each in subject.published], "notes": list(found.notes),
    }  # fmt: skip
