# SPDX-License-Identifier: BSD-2-Clause
"""``run``: put inputs through an accelerator, simulated or on a board, and judge every answer."""

from pathlib import Path
from typing import Annotated

import typer

from gatewright.gen.console import console, progress, show_json, show_table
from gatewright.gen.files import write_file
from gatewright.gen.link.pipe import BytePipe, SerialPipe
from gatewright.gen.presets import load_design
from gatewright.gen.run import Verdict, classify, simulate, task_of
from gatewright.gen.task import Task
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.numerics import Ints


def run(
    config: Annotated[str, typer.Argument(help="Config file, or a preset's name.")],
    board: Annotated[str | None, typer.Option(help="Use the settings for this board.")] = None,
    port: Annotated[str | None, typer.Option(help="Serial port of a flashed board; simulated if not given.")] = None,
    inputs: Annotated[Path | None, typer.Option(help=".npy or .npz with inputs; else held-out or random ones.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to classify, of any size: one input.")] = None,
    task: Annotated[str | None, typer.Option(help="Task of a model that has several; else its first.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Inputs to run; all if not given.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Index of the input to draw.")] = 0,
    out: Annotated[Path, typer.Option("--out", help="Folder for all outputs.")] = Path("build"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run a model's inputs through the accelerator's serial line; hold answers to the golden model."""
    design = load_design(config, board)
    work = task_of(design, inputs, task, image)
    total = len(work.codes) if count is None else count
    if total > len(work.codes):
        raise ConfigError(f"count must lie in 1..{len(work.codes)}, the inputs at hand, not {total}")
    if show >= total:
        raise ConfigError(f"show must lie in 0..{total - 1}, not {show}")
    with progress(f"run {design.name}", total, as_json) as steps:
        pipe: BytePipe
        if port:
            pipe = SerialPipe(port, design.config.baud)
        else:
            steps.say(f"compile {design.name}")
            pipe = simulate(design, out / design.name / (board or "any"))
        verdict = classify(design, work, pipe, total, lambda index: steps.done(f"run {design.name}"))
        pipe.close()
    drawn = draw(work, verdict, show, out / design.name)
    if as_json:
        show_json(verdict_json(design.name, port, work, verdict))
    else:
        show_verdict(work, verdict, show, port or "simulated RTL", design.config.clock_hz)
        if drawn:
            console.print(f"wrote {drawn}", markup=False, soft_wrap=True)
    if not verdict.exact:
        raise typer.Exit(1)


def draw(task: Task, verdict: Verdict, index: int, out: Path) -> Path | None:
    """Write the picture of an input's run, if the task has one."""
    picture = task.picture(index, verdict.outputs[index])
    if picture is None:
        return None
    path = out / picture[0]
    write_file(path, picture[1])
    return path


def verdict_json(name: str, port: str | None, task: Task, verdict: Verdict) -> dict[str, object]:
    """Give a verdict for ``--json``."""
    return {
        "design": name,
        "target": port or "simulated RTL",
        "inputs": verdict.inputs,
        "correct": verdict.correct,
        "accuracy": None if verdict.correct is None else verdict.correct / verdict.inputs,
        "identical_to_golden": verdict.identical,
        "cycles": verdict.cycles,
        "predicted_cycles": verdict.predicted_cycles,
        "answers": verdict.answers.tolist(),
    } | task.figures(verdict.cycles)


def show_verdict(task: Task, verdict: Verdict, index: int, target: str, clock_hz: int) -> None:
    """Draw one input with its answer, then the whole run in a table."""
    console.print(task.describe(index, verdict.outputs[index]), markup=False)
    accuracy = "" if verdict.correct is None else f"{100 * verdict.correct / verdict.inputs:.2f} %"
    rows = [
        ("target", target),
        ("inputs", verdict.inputs),
        ("accuracy", accuracy),
        (f"identical to {task.golden}", f"{verdict.identical} of {verdict.inputs}"),
        ("cycles per inference, counted by the hardware", span(verdict.counted)),
        ("cycles per inference, by the cycle model", span(verdict.predicted)),
        (f"inferences per second at {clock_hz / 1e6:g} MHz without the line", clock_hz // verdict.predicted_cycles),
        *((name.replace("_", " "), f"{value:.4g}") for name, value in task.figures(verdict.cycles).items()),
    ]
    show_table(task.name, ("what", "value"), [(name, str(value)) for name, value in rows if value != ""])


def span(cycles: Ints) -> str:
    """Give a number, or the least and the greatest of several."""
    low, high = int(cycles.min()), int(cycles.max())
    return str(low) if low == high else f"{low} .. {high}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)
