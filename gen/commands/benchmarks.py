# SPDX-License-Identifier: BSD-2-Clause
"""``bench``: our figures beside public ones, from real tool runs."""

from pathlib import Path
from typing import Annotated

import typer

from gatewright.gen.bench.mac import bench_mac
from gatewright.gen.console import progress

bench = typer.Typer(help="Measure cost, speed and utilisation; print ours beside the baselines.", no_args_is_help=True)

Quick = Annotated[bool, typer.Option("--quick", help="Synthesise only: no placement, no Fmax.")]
Save = Annotated[Path | None, typer.Option("--save", help="Write the results with their provenance to this file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@bench.command("mac")
def mac(quick: Quick = False, save: Save = None, as_json: Json = False) -> None:
    """Cost and Fmax of processing elements, arrays and the requantiser beside public RTL."""
    with progress("bench mac", 12, as_json) as steps:
        bench_mac(quick=quick, save=save, as_json=as_json, done=steps.done)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(bench, name="bench")
