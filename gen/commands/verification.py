# SPDX-License-Identifier: BSD-2-Clause
"""``verify``: simulate emitted Verilog against golden models, and score the benches themselves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gatewright.gen.console import console, progress, show_json, show_table
from gatewright.gen.files import write_file
from gatewright.gen.mutants import PASS, Score, save_scores, score_room
from gatewright.gen.presets import load_design
from gatewright.gen.registry import Room, find_room, rooms
from gatewright.gen.verify import Row, grid, junit, verify_grid
from gatewright.gen.verify import verify as verify_design
from gatewright.hw.core.errors import ConfigError


def verify(
    config: Annotated[str | None, typer.Argument(help="Config file, or a preset's name.")] = None,
    room: Annotated[list[str] | None, typer.Option(help="Verify a room's whole grid; may be repeated.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Verify the grids of all rooms.")] = False,
    mutants: Annotated[bool, typer.Option("--mutants", help="Inject faults and count those the bench kills.")] = False,
    count: Annotated[int, typer.Option(min=1, max=2000, help="Faults to inject per room.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random choices.")] = 1,
    size: Annotated[int | None, typer.Option(min=4, max=1_000_000, help="Beats per test.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for all outputs.")] = Path("build"),
    save: Annotated[
        Path | None, typer.Option("--save", help="With --mutants: enter the scores into mutants.json of this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run the cocotb regression of a config, of rooms, or of everything."""
    chosen = [find_room(name) for name in room or ()]
    if every:
        chosen = list(rooms().values())
    if bool(config) == bool(chosen):
        raise ConfigError("verify needs a config or else rooms: `verify FILE`, `verify --room NAME` or `verify --all`")
    if save and not mutants:
        raise ConfigError("--save keeps the scores of --mutants; give both or neither")
    if mutants:
        scores = _mutants(chosen or [load_design(str(config)).room], count, seed, out, as_json)
        if save:
            save_scores(save / "mutants.json", scores, count, seed)
        if any(score.score < PASS for score in scores):
            raise typer.Exit(1)
        return
    if config:
        design = load_design(config)
        with progress(f"verify {design.name}", 1, as_json) as steps:
            rows = [verify_design(design, out / design.name, seed, size)]
            steps.done()
    else:
        total = sum(len(grid(item)) for item in chosen)
        with progress("verify", total, as_json) as steps:
            rows = verify_grid(chosen, out / "verify", seed, lambda row: steps.done(row.design.name))
    write_file(out / "verify.xml", junit(rows))
    _show(rows, as_json)
    if not all(row.outcome.ok for row in rows):
        raise typer.Exit(1)


def _show(rows: list[Row], as_json: bool) -> None:
    if as_json:
        show_json([row.as_json() for row in rows])
        return
    table = []
    for row in rows:
        total = row.outcome.total
        passed = sum(row.outcome.passed.values())
        table.append(
            (
                row.design.name, _listed(row.parameters), "pass" if row.outcome.ok else "FAIL",
                f"{passed}/{len(row.outcome.passed)}", total.get("given", 0), total.get("cycles", 0),
                total.get("stalled_in", 0) + total.get("stalled_out", 0), total.get("resets", 0),
            )
        )  # fmt: skip
    show_table(
        "RTL against golden model",
        ("design", "parameters", "verdict", "tests", "beats out", "cycles", "stalls", "resets"),
        table,
    )
    for row in rows:
        for name, message in row.outcome.messages.items():
            console.print(f"{row.design.name} {name}: {message}", markup=False, soft_wrap=True)
        if row.outcome.waves:
            console.print(f"{row.design.name}: waves in {row.outcome.waves}", markup=False, soft_wrap=True)


def _listed(parameters: Mapping[str, Any]) -> str:
    """Give parameters as a short text."""
    text = ", ".join(f"{key}={value}" for key, value in parameters.items())
    return text if len(text) < 90 else text[:87] + "..."


def _mutants(chosen: list[Room], count: int, seed: int, out: Path, as_json: bool) -> list[Score]:
    scores: list[Score] = []
    with progress("mutants", len(chosen), as_json) as steps:
        for item in chosen:
            steps.say(f"mutants of {item.name}")
            scores += score_room(item, out / "mutants" / item.name, count, seed)
            steps.done()
    if as_json:
        show_json([score.as_json() for score in scores])
    else:
        show_table(
            "Injected faults",
            ("room", "parameters", "faults", "killed", "proved equal", "explained", "survived", "score %"),
            [
                (
                    s.room, _listed(s.parameters), s.total, s.killed, len(s.equal), len(s.explained), len(s.survivors),
                    round(100 * s.score, 1),
                )
                for s in scores
            ],
            "score = killed / (faults - proved equal)",
        )
        for score in scores:
            for mutant, why in score.explained.items():
                console.print(f"{score.room} explained: {mutant}: {why}", markup=False, soft_wrap=True)
            for mutant in score.survivors:
                console.print(f"{score.room} survivor: {mutant}", markup=False, soft_wrap=True)
    return scores


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("verify")(verify)
