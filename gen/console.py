# SPDX-License-Identifier: BSD-2-Clause
"""One look for all commands: progress on long work, one table at the end, JSON on request."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

WIDTH = 140  # of tables that go to a file or a pipe


def _console(stderr: bool) -> Console:
    plain = Console(stderr=stderr, highlight=False)
    return plain if plain.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH)


console = _console(stderr=False)
errors = _console(stderr=True)


def show_json(value: Any) -> None:
    """Print a value for machines."""
    print(json.dumps(value, indent=2, default=str))


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> None:
    """Print one table; numbers sit to the right."""
    table = Table(title=title or None, caption=caption or None, title_justify="left", caption_justify="left")
    body = [[_cell(value) for value in row] for row in rows]
    for index, name in enumerate(columns):
        numeric = bool(body) and all(_is_number(row[index]) for row in body)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in body:
        table.add_row(*row)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    return not text or text.replace(",", "").replace(".", "", 1).lstrip("-").rstrip(" %").isdigit()


class Steps:
    """Progress of a known number of steps."""

    def __init__(self, progress: Progress | None, task: Any) -> None:
        self.progress, self.task = progress, task

    def done(self, what: str = "") -> None:
        """Count one step; name the one that comes or just ended."""
        if self.progress is not None:
            self.progress.update(self.task, advance=1, description=what)

    def say(self, what: str) -> None:
        """Name the step in work."""
        if self.progress is not None:
            self.progress.update(self.task, description=what)


@contextmanager
def progress(title: str, total: int, quiet: bool = False) -> Iterator[Steps]:
    """Show a bar on the error stream while the work lasts; silent when ``quiet`` or not on a terminal."""
    if quiet or not errors.is_terminal:
        yield Steps(None, None)
        return
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(), console=errors, transient=True,
    )  # fmt: skip
    with bar:
        yield Steps(bar, bar.add_task(title, total=total))
