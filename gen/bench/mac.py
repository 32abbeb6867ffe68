# SPDX-License-Identifier: BSD-2-Clause
"""Cost of processing elements, arrays and the requantiser, beside public RTL under the same flags."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.board import Part
from gatewright.fpga_boards.parts import ECP5_85F, ICE40_HX8K
from gatewright.gen.bench.measure import SEEDS, TARGET_MHZ, Cost, markdown_table, measure, tools_line
from gatewright.gen.console import show_json, show_table
from gatewright.gen.design import design_of
from gatewright.gen.files import write_file
from gatewright.gen.flow.report import tool_versions
from gatewright.gen.flow.synth import SynthOptions


@dataclass(frozen=True)
class Case:
    """One design to measure: a room with parameters, on a part, with flags."""

    title: str
    room: str
    part: Part
    macs: int
    options: SynthOptions
    parameters: dict[str, Any]


@dataclass(kw_only=True)
class Row(Cost):
    """One line of the table: ours, or a public design's."""

    design: str
    source: str
    macs: int
    parameters: dict[str, Any] = field(default_factory=dict)


def cases() -> list[Case]:
    """List what is measured: one element without hard multipliers, 8 x 8 arrays with them, the requantiser.

    ``macs`` of the requantiser counts its lanes.
    """
    lean, soft, hard = SynthOptions(dsp=False, wide_luts=False), SynthOptions(dsp=False), SynthOptions()
    element = {"multiplier": "booth", "acc_bits": 32, "input_register": True, "output": "adder"}
    array = {"rows": 8, "cols": 8, "multiplier": "dsp"}
    tflite = {"contract": "gemmlowp", "multiplier_bits": 31, "shift_bits": 5, "shift_min": 0}
    return [
        Case("pe, Booth", "pe", ECP5_85F, 1, lean, element),
        Case("pe, Booth, output register", "pe", ECP5_85F, 1, lean, element | {"output": "register"}),
        Case("pe, Booth", "pe", ICE40_HX8K, 1, soft, element),
        Case("pe, Booth, sum kept in accumulator", "pe", ICE40_HX8K, 1, soft, element | {"output": "accumulator"}),
        Case("systolic_ws 8x8", "systolic_ws", ECP5_85F, 64, hard, array | {"acc_bits": 19}),
        Case("systolic_ws 8x8, hop 2", "systolic_ws", ECP5_85F, 64, hard, array | {"acc_bits": 19, "hop": 2}),
        Case("systolic_os 8x8", "systolic_os", ECP5_85F, 64, hard, array | {"acc_bits": 20, "k_max": 31}),
        Case("requantise, 1 lane, TFLite", "requantise", ECP5_85F, 1, hard, tflite),
        Case("requantise, 1 lane, ONNX", "requantise", ECP5_85F, 1, hard, {}),
    ]


def public_rows() -> list[Row]:
    """Read the figures of public designs, measured by us with the flags that stand beside them."""
    text = files("gatewright.gen.bench").joinpath("public_rows.jsonl").read_text()
    return [Row(**json.loads(line)) for line in text.splitlines()]


def measured(case: Case, folder: Path, seeds: Sequence[int]) -> Row:
    """Give a case's line."""
    cost = measure(design_of(case.room, **case.parameters), case.part, case.options, folder, seeds)
    return Row(**vars(cost), design=case.title, source="gatewright", macs=case.macs, parameters=case.parameters)


def bench_mac(
    quick: bool = False,
    save: Path | None = None,
    as_json: bool = False,
    done: Callable[[str], None] = lambda title: None,
    chosen: Sequence[Case] | None = None,
) -> list[Row]:
    """Measure our designs and show them beside the public ones.

    Parameters
    ----------
    quick : bool
        Synthesise only: areas, no clock rates.
    save : Path, optional
        Folder that gets ``bench_mac.json`` and ``bench_mac.md``.
    as_json : bool
        Print JSON instead of a table.
    done : callable
        Hears of each case that ends.
    chosen : sequence of Case, optional
        Instead of `cases`.

    Returns
    -------
    list of Row
        Ours, then the public ones.
    """
    ours = []
    with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
        for index, case in enumerate(cases() if chosen is None else chosen):
            ours.append(measured(case, Path(folder) / str(index), () if quick else SEEDS))
            done(case.title)
    rows = [*ours, *public_rows()]
    result = {
        "command": "gatewright bench mac" + (" --quick" if quick else ""),
        "tools": tool_versions("ecp5") | tool_versions("ice40"),
        "seeds": [] if quick else list(SEEDS),
        "parts": {part.family: part.name for part in (ECP5_85F, ICE40_HX8K)},
        "target_mhz": TARGET_MHZ,
        "rows": [row.as_json() for row in rows],
    }
    if save is not None:
        save.mkdir(parents=True, exist_ok=True)
        write_file(save / "bench_mac.json", json.dumps(result, indent=2) + "\n")
        write_file(save / "bench_mac.md", markdown(result, rows))
    if as_json:
        show_json(result)
    else:
        show_table("MAC units: ours beside public RTL", COLUMNS, [_line(row) for row in rows], _caption(result))
    return rows


COLUMNS = (
    "design", "part", "LUT4", "carry", "LUTeq", "FF", "DSP", "LUTeq/MAC", "FF/MAC", "cells placed", "MHz min/median",
    "flags",
)  # fmt: skip


def _line(row: Row) -> tuple[Any, ...]:
    per_mac = [None if n is None else round(n / row.macs, 1) for n in (row.lut_equivalent, row.ff)]
    name = row.design if row.source == "gatewright" else f"({row.design})"
    return (
        name, row.family, row.lut4, row.carry, row.lut_equivalent, row.ff, row.dsp, *per_mac, row.placed_cells,
        row.rate, row.flags,
    )  # fmt: skip


def _caption(result: dict[str, Any]) -> str:
    return (
        "LUTeq = LUT4 + 2 CCU2C + 4 DPR16X4. (Names) in brackets: public RTL, measured earlier with the flags shown; "
        "its MHz are the least and the middle of the range. After synth_ecp5, our flow moves registers into hard "
        "multipliers; FF counts those that stay outside. A requantiser's MACs are its lanes. "
        f"Tools: {tools_line(result['tools'])}. Seeds: {result['seeds'] or 'none'}."
    )


def markdown(result: dict[str, Any], rows: Sequence[Row]) -> str:
    """Give the table as Markdown, provenance below."""
    table = markdown_table(COLUMNS, [_line(row) for row in rows])
    made = f"Made by `{result['command']} --save`."
    return f"# MAC units: ours beside public RTL\n\n{table}\n{_caption(result)}\n\n{made}\n"
