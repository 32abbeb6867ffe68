# SPDX-License-Identifier: BSD-2-Clause
"""Cost of processing elements, arrays and the requantiser, beside public RTL under the same flags."""

import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.board import Part
from gatewright.fpga_boards.parts import ECP5_85F, ICE40_HX8K
from gatewright.gen.console import show_json, show_table
from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.gen.files import write_file
from gatewright.gen.flow.place import place_block
from gatewright.gen.flow.report import tool_versions
from gatewright.gen.flow.synth import SynthOptions, SynthResult, synthesise

SEEDS = (1, 2, 3)
TARGET_MHZ = 200.0  # what the placer is asked for: beyond every design here, so that it keeps trying


@dataclass(frozen=True)
class Case:
    """One design to measure: a room with parameters, on a part, with flags."""

    title: str
    room: str
    part: Part
    macs: int
    options: SynthOptions
    parameters: dict[str, Any]


@dataclass
class Row:
    """One line of the table: ours, or a public design's.

    Attributes
    ----------
    lut4, carry, ff, dsp : int or None
        Cells after synthesis: LUT4s outside carry cells, CCU2C or SB_CARRY, flip-flops, hard multipliers.
    lut_equivalent : int or None
        ECP5: LUT4 + 2 CCU2C + 4 DPR16X4, of public rows perhaps all that is known. None on iCE40,
        where carries share cells with LUTs.
    placed_cells : int or None
        TRELLIS_COMB or ICESTORM_LC after placement, whatever they hold.
    fmax_mhz : list of float
        One per seed; of public rows, the least and the greatest.
    timed : bool
        False if paths are missing from the timing model, so that the clock rate means little.
    """

    design: str
    source: str
    macs: int
    family: str
    flags: str
    lut4: int | None = None
    carry: int | None = None
    ff: int | None = None
    dsp: int | None = None
    ram: int = 0
    placed_cells: int | None = None
    fmax_mhz: list[float] = field(default_factory=list)
    seeds: int = 0
    timed: bool = True
    known_luteq: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def lut_equivalent(self) -> int | None:
        """LUTs, counting those inside carry cells and distributed RAM."""
        if self.family != "ecp5" or self.lut4 is None or self.carry is None:
            return self.known_luteq
        return self.lut4 + 2 * self.carry + 4 * self.ram

    def as_json(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return {**asdict(self), "lut_equivalent": self.lut_equivalent}


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


def measure(case: Case, folder: Path, seeds: Sequence[int]) -> Row:
    """Synthesise a case and place it once per seed; no seeds, no placement."""
    design = design_of(case.room, **case.parameters)
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "design.v"
    source.write_text(verilog(design))
    family = case.part.family
    synth = synthesise([source], design.top, family, folder, case.options)
    row = _row(case, synth)
    for seed in seeds:
        place = place_block(synth.json_netlist, case.part, TARGET_MHZ, folder / f"seed{seed}", seed)
        row.fmax_mhz.append(round(place.fmax_mhz or 0.0, 1))
        cell = "TRELLIS_COMB" if family == "ecp5" else "ICESTORM_LC"
        row.placed_cells = place.utilisation[cell][0]
    row.seeds = len(seeds)
    return row


def _row(case: Case, synth: SynthResult) -> Row:
    cells, family = synth.cells, case.part.family
    dsp = sum(count for name, count in cells.items() if name in {"MULT18X18D", "SB_MAC16"})
    return Row(
        design=case.title, source="gatewright", macs=case.macs, family=family, flags=synth.flags,
        lut4=cells.get("LUT4", 0) + cells.get("SB_LUT4", 0),
        carry=cells.get("CCU2C", 0) + cells.get("SB_CARRY", 0),
        ff=sum(count for name, count in cells.items() if name.startswith(("TRELLIS_FF", "SB_DFF"))),
        dsp=dsp, ram=cells.get("TRELLIS_DPR16X4", 0),
        # nextpnr knows no delays through SB_MAC16's combinational paths.
        timed=family == "ecp5" or dsp == 0, parameters=case.parameters,
    )  # fmt: skip


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
            ours.append(measure(case, Path(folder) / str(index), () if quick else SEEDS))
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
    rate = f"{min(row.fmax_mhz):g} / {statistics.median(row.fmax_mhz):g}" if row.fmax_mhz else None
    if rate and not row.timed:
        rate += " untimed"
    name = row.design if row.source == "gatewright" else f"({row.design})"
    return (
        name, row.family, row.lut4, row.carry, row.lut_equivalent, row.ff, row.dsp, *per_mac, row.placed_cells, rate,
        row.flags,
    )  # fmt: skip


def _caption(result: dict[str, Any]) -> str:
    tools = ", ".join(f"{name} {version}" for name, version in result["tools"].items())
    return (
        "LUTeq = LUT4 + 2 CCU2C + 4 DPR16X4. (Names) in brackets: public RTL, measured earlier with the flags shown; "
        "its MHz are the least and the middle of the range. After synth_ecp5, our flow moves registers into hard "
        "multipliers; FF counts those that stay outside. A requantiser's MACs are its lanes. "
        f"Tools: {tools}. Seeds: {result['seeds'] or 'none'}."
    )


def markdown(result: dict[str, Any], rows: Sequence[Row]) -> str:
    """Give the table as Markdown, provenance below."""
    lines = [
        "# MAC units: ours beside public RTL",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + " --- |" * len(COLUMNS),
    ]
    for row in rows:
        lines.append("| " + " | ".join("" if cell is None else str(cell) for cell in _line(row)) + " |")
    return "\n".join([*lines, "", _caption(result), "", f"Made by `{result['command']} --save`."]) + "\n"
