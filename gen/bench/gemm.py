# SPDX-License-Identifier: BSD-2-Clause
"""Utilisation of the GEMM engine: cycles counted in simulation, beside the cycle model and the peak."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gatewright
from gatewright.gen.console import show_json, show_table
from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.gen.files import write_file
from gatewright.hw.mac.gemm.config import GemmConfig
from gatewright.hw.mac.gemm.golden import gemm
from gatewright.hw.mac.gemm.tiling import command_stream, operand_streams, param_stream, result
from gatewright.tb.fast.streams import StreamModel

SHAPES = ((256, 256, 256), (64, 256, 512), (1, 256, 256), (37, 53, 71))
ENGINES: dict[str, dict[str, Any]] = {
    "systolic, output-stationary, 8x8": {"dataflow": "os", "rows": 8, "cols": 8},
    "systolic, weight-stationary, 8x8": {"dataflow": "ws", "rows": 8, "cols": 8},
    "broadcast, 8x8": {"dataflow": "broadcast", "rows": 8, "cols": 8},
}


@dataclass(frozen=True)
class Row:
    """One product on one engine.

    Attributes
    ----------
    cycles : int
        First input transfer to last output transfer in simulation: first load and last drain included.
    model_cycles : int
        The same by ``GemmConfig.cycle_count``.
    utilisation : float
        M * N * K over cycles times multipliers.
    exact : bool
        Whether every output equals numpy's.
    """

    engine: str
    shape: tuple[int, int, int]
    cycles: int
    model_cycles: int
    utilisation: float
    exact: bool
    cycles_per_second: int


def measure(name: str, folder: Path) -> list[Row]:
    """Compile an engine and run every shape on it."""
    design = design_of("gemm", "engine", **ENGINES[name])
    config: GemmConfig = design.config
    generate(design, folder / "rtl")
    model = StreamModel(config, folder / "rtl" / f"{design.top}.v", design.top, folder / "model")
    return [_product(name, config, model, shape) for shape in SHAPES]


def _product(name: str, config: GemmConfig, model: StreamModel, shape: tuple[int, int, int]) -> Row:
    m, n, k = shape
    rng = np.random.default_rng([m, n, k])
    a, b = rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))
    columns = {
        "bias": rng.integers(-1000, 1000, n), "multiplier": rng.integers(1 << 15, 1 << 16, n),
        "shift": np.full(n, 15),
    }  # fmt: skip
    streams = {"i_command": command_stream(config, m, n, k), **operand_streams(config, a, b)}
    streams["i_param"] = param_stream(config, m, columns)
    start = time.perf_counter()
    run = model.run(streams, {"o": -(-n // config.cols) * m * config.groups})
    seconds = time.perf_counter() - start
    same = bool(np.array_equal(result(config, run.outputs["o"], m, n), gemm(config, a, b, columns)))
    macs = config.rows * config.cols * config.depth
    return Row(
        name, shape, run.span, config.cycle_count(m, n, k), m * n * k / (macs * run.span), same,
        round(run.cycles / seconds),
    )  # fmt: skip


def bench_gemm(
    save: Path | None = None, as_json: bool = False, done: Callable[[str], None] = lambda name: None
) -> list[Row]:
    """Measure all engines and show the table.

    Parameters
    ----------
    save : Path, optional
        Folder that gets ``bench_gemm.json``.
    as_json : bool
        Print JSON instead of a table.
    done : callable
        Hears of each engine that ends.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
        for index, name in enumerate(ENGINES):
            rows += measure(name, Path(folder) / str(index))
            done(name)
    # Speed of the simulation is printed, never kept: it belongs to the machine.
    kept = [{key: value for key, value in asdict(row).items() if key != "cycles_per_second"} for row in rows]
    outcome = {"command": "gatewright bench gemm", "gatewright": gatewright.__version__, "rows": kept}
    if save is not None:
        write_file(save / "bench_gemm.json", json.dumps(outcome, indent=2) + "\n")
    if as_json:
        show_json(outcome)
        return rows
    show_table(
        "GEMM: int8, bias and requantisation included",
        ("engine", "M x N x K", "cycles", "by the model", "% of peak MACs", "as numpy", "simulated cycles/s"),
        [
            (
                row.engine, " x ".join(map(str, row.shape)), row.cycles, row.model_cycles,
                f"{100 * row.utilisation:.2f}", row.exact, row.cycles_per_second,
            )
            for row in rows
        ],
    )  # fmt: skip
    return rows
