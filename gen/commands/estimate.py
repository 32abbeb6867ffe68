# SPDX-License-Identifier: BSD-2-Clause
"""``estimate``: say how a language model would run on a device, before anything is built."""

from typing import Annotated

import typer

from gatewright.gen.console import console, progress, show_json, show_table
from gatewright.gen.estimate.devices import devices, find_device
from gatewright.gen.estimate.models import find_subject, shapes
from gatewright.gen.estimate.report import Estimate, as_json
from gatewright.gen.estimate.report import estimate as make


def estimate(
    model: Annotated[
        str,
        typer.Argument(
            help="Preset, config file, .safetensors or .gguf file, folder of a Hugging Face checkpoint, or a shape: "
            + ", ".join(shapes())
            + "."
        ),
    ],
    device: Annotated[str, typer.Option(help=f"Device: {', '.join(devices())}.")],
    context: Annotated[
        int | None, typer.Option(min=0, help="Tokens before the one that is timed; half of the model's context.")
    ] = None,
    prompt_tokens: Annotated[
        int | None, typer.Option(min=1, help="Prompt for the time to the first token; 64, or what the context holds.")
    ] = None,
    mhz: Annotated[float | None, typer.Option(min=0.001, help="Clock rate; measured or assumed if absent.")] = None,
    inputs_per_cycle: Annotated[int | None, typer.Option(min=1, help="Of the engine; else searched.")] = None,
    outputs_per_cycle: Annotated[int | None, typer.Option(min=2, help="Of the engine; else searched.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Say whether a language model fits a device, how fast it would run there, and what bounds it."""
    target = find_device(device)
    with progress(f"estimate {model} on {device}", 1, json):
        found = make(
            find_subject(model, device), target, context=context, prompt=prompt_tokens, mhz=mhz,
            inputs=inputs_per_cycle, outputs=outputs_per_cycle,
        )  # fmt: skip
    if json:
        show_json(as_json(found))
    else:
        show(found)


def show(found: Estimate) -> None:
    """Print the tables."""
    _show_verdict(found)
    _show_resources(found)
    _show_memories(found)
    _show_speed(found)
    for note in found.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _show_verdict(found: Estimate) -> None:
    subject, device, speed, geometry = found.subject, found.device, found.speed, found.geometry
    fits = "as far as counted" if device.projection else "yes"
    rows = [
        ("model", subject.source),
        ("weights in matrices", f"{speed.traffic.trits:,} trits"),
        ("fits", fits if found.fits else "no: " + "; ".join(found.reasons)),
        ("engine", f"{geometry.inputs_per_cycle} inputs x {geometry.outputs_per_cycle} outputs a cycle, "
         f"{geometry.method}, {geometry.packing}: {geometry.why}"),
        ("clock", f"{found.clock.mhz:g} MHz, {found.clock.source}"),
        (f"tokens/s, {speed.position} tokens before", f"{speed.tokens_per_second:,.4g}"),
        (f"time to first token, {found.prompt} tokens", f"{1e3 * found.first_token:,.4g} ms"),
        ("bound", speed.binds),
        *((f"{each.name} on {each.device}, published",
           f"{each.decode:,g} tokens/s, prefill {each.prefill:,g}; {each.source}") for each in subject.published),
    ]  # fmt: skip
    word = "Projection" if device.projection else "Estimate"
    show_table(f"{word}: {subject.name} on {device.title}", ("what", "value"), rows)


def _show_resources(found: Estimate) -> None:
    rows = [
        (part.name, part.count, f"{part.cost.luts:,.0f}", f"{part.cost.ff:,.0f}", f"{part.cost.dsp:,.0f}",
         part.cost.source or part.note)
        if part.cost.source else (part.name, part.count, None, None, None, part.note) for part in found.parts
    ]  # fmt: skip
    show_table("Logic", ("part", "count", "LUT", "FF", "DSP", "from"), rows)
    sums = [(need.resource, f"{need.used:,}", f"{need.available:,}", _share(need.used, need.available), need.fits)
            for need in found.needs]  # fmt: skip
    show_table("Resources", ("resource", "used", "available", "share", "fits"), sums)


def _show_memories(found: Estimate) -> None:
    rows = [(store.name, f"{store.words:,}", f"{store.width:,}", f"{store.bits:,}", store.kind, store.blocks)
            for store in found.stores]  # fmt: skip
    show_table("Memories", ("memory", "words", "bits a word", "bits", "in", "blocks"), rows)


def _show_speed(found: Estimate) -> None:
    speed, traffic = found.speed, found.speed.traffic
    rows = [(step.name, f"{step.cycles:,}", _share(step.cycles, speed.cycles), f"{step.words:,}",
             f"{step.octets:,.0f}") for step in speed.steps]  # fmt: skip
    total = ("all", f"{speed.cycles:,}", "100.0 %", f"{sum(s.words for s in speed.steps):,}",
             f"{sum(s.octets for s in speed.steps):,.0f}")  # fmt: skip
    caption = "by the core's cycle model; engine: cycles in which it takes weights"
    show_table("A token, step by step", ("step", "cycles", "share", "engine", "bytes read"), [*rows, total], caption)
    moved = [
        ("weights, as stored", f"{traffic.weights:,.0f}"), ("weights, packed, no padding", f"{traffic.packed:,.0f}"),
        ("gains", f"{traffic.gains:,.0f}"), ("keys and values, read", f"{traffic.keys_values_read:,.0f}"),
        ("keys and values, written", f"{traffic.keys_values_written:,.0f}"),
        ("embedding", f"{traffic.embedding:,.0f}"), ("rows between units", f"{traffic.activations:,.0f}"),
    ]  # fmt: skip
    if found.device.external is not None:
        moved.append((f"through {found.device.external.name}", f"{traffic.outside:,.0f}"))
    show_table("Memory traffic of a token", ("what", "bytes"), moved)
    limits = [(name, f"{rate:,.4g}", name == speed.binds) for name, rate in speed.limits.items()]
    show_table("Bounds: tokens/s if nothing else took time", ("bound", "tokens/s", "binds"), limits)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("estimate")(estimate)
