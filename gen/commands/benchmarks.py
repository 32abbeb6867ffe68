# SPDX-License-Identifier: BSD-2-Clause
"""``bench``: our figures beside public ones, from real tool runs."""

from pathlib import Path
from typing import Annotated

import typer

from gatewright.gen.bench.gemm import ENGINES, bench_gemm
from gatewright.gen.bench.hls import CASES as HLS_CASES
from gatewright.gen.bench.hls import bench_hls
from gatewright.gen.bench.mac import bench_mac, cases
from gatewright.gen.bench.nonlinear import bench_nonlinear
from gatewright.gen.bench.nonlinear_cases import cases as nonlinear_cases
from gatewright.gen.bench.rooms import bench_rooms
from gatewright.gen.bench.ternary import bench_ternary
from gatewright.gen.bench.ternary_cases import RATES
from gatewright.gen.bench.ternary_cases import cases as ternary_cases
from gatewright.gen.console import errors, progress
from gatewright.gen.registry import find_room, rooms

bench = typer.Typer(help="Measure cost, speed and utilisation; print ours beside the baselines.", no_args_is_help=True)

Quick = Annotated[bool, typer.Option("--quick", help="Synthesise only: no placement, no Fmax.")]
Save = Annotated[Path | None, typer.Option("--save", help="Write the results with their provenance to this folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@bench.command("mac")
def mac(quick: Quick = False, save: Save = None, as_json: Json = False) -> None:
    """Cost and Fmax of processing elements, arrays and the requantiser beside public RTL."""
    with progress("bench mac", len(cases()), as_json) as steps:
        bench_mac(quick=quick, save=save, as_json=as_json, done=steps.done)


@bench.command("nonlinear")
def nonlinear(
    subject: Annotated[list[str] | None, typer.Option(help="Only this table; may be repeated.")] = None,
    quick: Quick = False,
    save: Save = None,
    as_json: Json = False,
) -> None:
    """Accuracy and cost of softmax, activations, norms and elementary functions beside published methods."""
    chosen = nonlinear_cases(*(subject or ()))
    with progress("bench nonlinear", len(chosen), as_json) as steps:
        bench_nonlinear(quick, save, as_json, steps.done if errors.is_terminal else errors.print, chosen, subject)


@bench.command("ternary")
def ternary(
    quick: Quick = False,
    save: Save = None,
    as_json: Json = False,
    fit: Annotated[bool, typer.Option("--fit", help="Fit the package's cost model to this run.")] = False,
    most: Annotated[int, typer.Option(min=4, max=64, help="Most outputs a cycle; 32 and 64 take hours.")] = 64,
) -> None:
    """LUTs per ternary multiplication by method and FPGA family, beside published figures."""
    chosen = ternary_cases(quick, most)
    with progress("bench ternary", len(chosen), as_json) as steps:
        say = steps.done if errors.is_terminal else errors.print
        bench_ternary(quick, save, as_json, say, chosen, fit, "" if most == RATES[-1] else f" --most {most}")


@bench.command("gemm")
def gemm(save: Save = None, as_json: Json = False) -> None:
    """Cycles and utilisation of the GEMM engine in simulation, beside its cycle model."""
    with progress("bench gemm", len(ENGINES), as_json) as steps:
        bench_gemm(save=save, as_json=as_json, done=steps.done)


@bench.command("hls")
def hls(quick: Quick = False, save: Save = None, as_json: Json = False) -> None:
    """Area and Fmax of the Verilog that XLS makes of our kernels, beside our own."""
    with progress("bench hls", len(HLS_CASES), as_json) as steps:
        bench_hls(quick, save, as_json, steps.done)


@bench.command("rooms")
def all_rooms(
    room: Annotated[list[str] | None, typer.Option(help="Measure this room; may be repeated.")] = None,
    quick: Quick = False,
    save: Save = None,
    as_json: Json = False,
) -> None:
    """Cost of every room at its defaults; the cards quote these rows."""
    chosen = [find_room(name) for name in room or ()]
    with progress("bench rooms", len(chosen or rooms()), as_json) as steps:
        bench_rooms(chosen or None, quick, save, as_json, steps.done)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(bench, name="bench")
