# SPDX-License-Identifier: BSD-2-Clause
"""``chat``: let a language model accelerator go on with a text, simulated or on a board."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gatewright.gen.console import console, progress, show_json, show_table
from gatewright.gen.design import Design
from gatewright.gen.link.driver import Accelerator
from gatewright.gen.link.pipe import BytePipe, SerialPipe
from gatewright.gen.model.lm_session import Session, continued
from gatewright.gen.model.map_ternary_lm import LmSettings, model_of
from gatewright.gen.model.task_lm import shown, tokens
from gatewright.gen.presets import load_design
from gatewright.gen.run import simulate
from gatewright.hw.core.errors import ConfigError
from gatewright.tb.fast.serial import SerialModel


def chat(
    config: Annotated[str, typer.Argument(help="Config file, or a preset's name.")] = "kjv-transformer",
    prompt: Annotated[str | None, typer.Option(help="What to go on with; asked for, line by line, if absent.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Tokens to find for each prompt.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="0: always the likeliest token.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws, if there is a temperature.")] = 0,
    board: Annotated[str | None, typer.Option(help="Use the settings for this board.")] = None,
    port: Annotated[str | None, typer.Option(help="Serial port of a flashed board; simulated if not given.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for all outputs.")] = Path("build"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Generate text, token by token, on the accelerator."""
    design = load_design(config, board)
    if not isinstance(design.settings, LmSettings):
        raise ConfigError(
            f"chat needs a model of room ternary_lm or small_lm, and {design.name} is of room {design.room.name}"
        )
    graph = model_of(design.settings, design.folder)
    if prompt is not None:
        tokens(graph, prompt.encode())  # before the long work
    pipe: BytePipe
    if port:
        pipe = SerialPipe(port, design.config.baud)
    else:
        with progress(f"compile {design.name}", 1, as_json) as steps:
            steps.say(f"compile {design.name}")
            pipe = simulate(design, out / design.name / (board or "any"))
            steps.done(f"compile {design.name}")
    clock = pipe.seconds if isinstance(pipe, SerialModel) else time.monotonic
    session = Session(Accelerator(pipe, design.name, design.config.design_id, clock=clock), design.config.core)
    try:
        if prompt is not None:
            _say(design, session, prompt, count, temperature, seed, as_json)
        else:
            for line in _lines():
                _say(design, session, line, count, temperature, seed, as_json)
    finally:
        pipe.close()
    if session.cycles != session.predicted:
        raise typer.Exit(1)


def _lines() -> Iterator[str]:
    """Ask for prompts until there are none."""
    while True:
        try:
            line = console.input("[bold]> [/bold]") if sys.stdin.isatty() else input()
        except (EOFError, KeyboardInterrupt):
            return
        if line:
            yield line


def _say(
    design: Design, session: Session, prompt: str, count: int, temperature: float, seed: int, as_json: bool
) -> None:
    """Print a text as it grows, then how fast it came."""
    assert isinstance(design.settings, LmSettings)
    graph = model_of(design.settings, design.folder)
    fed = tokens(graph, prompt.encode())
    start, before = time.monotonic(), (session.cycles, session.predicted, session.passed)
    found = []
    if not as_json:
        console.print(prompt, end="", markup=False, highlight=False, style="bold")
    for token in continued(session, graph, fed, count, temperature, seed):
        found.append(token)
        if not as_json:
            console.print(shown(bytes((token,))), end="", markup=False, highlight=False)
    wall = time.monotonic() - start
    now = (session.cycles, session.predicted, session.passed)
    cycles, predicted, passed = (after - earlier for after, earlier in zip(now, before, strict=True))
    figures = {
        "tokens_found": len(found), "tokens_through_the_model": passed, "cycles": cycles,
        "cycles_by_the_cycle_model": predicted, "clock_hz": design.config.clock_hz,
        "tokens_per_second": passed * design.config.clock_hz / cycles, "tokens_per_second_wall": passed / wall,
    }  # fmt: skip
    if as_json:
        show_json({"design": design.name, "prompt": prompt, "text": shown(bytes(found))} | figures)
        return
    console.print()
    rows = [
        ("tokens through the model", f"{passed}, of them {len(found)} found"),
        ("cycles, counted by the hardware", str(cycles)),
        ("cycles, by the cycle model", str(predicted)),
        (f"tokens per second at {design.config.clock_hz / 1e6:g} MHz, line left out",
         f"{figures['tokens_per_second']:.0f}"),
        ("tokens per second of wall time", f"{figures['tokens_per_second_wall']:.1f}"),
    ]  # fmt: skip
    show_table(design.name, ("what", "value"), rows)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("chat")(chat)
