# SPDX-License-Identifier: BSD-2-Clause
"""Accuracy and cost of the nonlinear rooms beside published methods: tables, and pictures of both."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.parts import ECP5_85F, ICE40_UP5K
from gatewright.gen.bench.accuracy import Accuracy, RowAccuracy
from gatewright.gen.bench.measure import SEEDS, TARGET_MHZ, Cost, markdown_table, measure, tools_line
from gatewright.gen.bench.nonlinear_cases import SUBJECTS, Case, cases
from gatewright.gen.bench.pareto import Point, draw
from gatewright.gen.bench.published.accuracy import MODELS
from gatewright.gen.console import console, show_json, show_table
from gatewright.gen.design import design_of
from gatewright.gen.files import write_file
from gatewright.gen.flow.report import tool_versions
from gatewright.gen.flow.synth import options_for

OURS = "gatewright"
FORMAT = "what the format allows"  # no design: what rounding alone costs


@dataclass(kw_only=True)
class Result:
    """One design: ours, or a published one.

    Attributes
    ----------
    accuracy : Accuracy or None
        None where the publication's rounding is not known well enough to model it.
    known_max_real : float or None
        Greatest error that was measured earlier, where there is no model.
    costs : list of Cost
        One per family; empty for published methods without RTL.
    latency : int or None
        Cycles from the first beat in to the first beat out.
    """

    subject: str
    design: str
    source: str
    accuracy: Accuracy | None = None
    known_max_real: float | None = None
    costs: list[Cost] = field(default_factory=list)
    latency: int | None = None
    note: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The design's name; in brackets if it is not ours."""
        return self.design if self.source == OURS else f"({self.design})"

    @property
    def max_real(self) -> float | None:
        """Greatest error as a real number."""
        return self.accuracy.max_real if self.accuracy else self.known_max_real

    def as_json(self) -> dict[str, Any]:
        """Give the result as plain data."""
        return {
            "subject": self.subject, "design": self.design, "source": self.source,
            "accuracy": self.accuracy.as_json() if self.accuracy else None, "max_real": self.max_real,
            "costs": [cost.as_json() for cost in self.costs], "latency": self.latency, "note": self.note,
            "parameters": self.parameters,
        }  # fmt: skip


def run_case(case: Case, folder: Path, seeds: Sequence[int]) -> Result:
    """Evaluate a case's golden model, synthesise it for both families and place it once per seed."""
    design = design_of(case.room, **case.parameters)
    accuracy = case.accuracy(design.config)
    # An iCE40 is a fraction as fast and as large: one seed tells enough.
    costs = [measure(design, ECP5_85F, case.options, folder / "ecp5", seeds), _on_ice40(case, folder, seeds[:1])]
    return Result(
        subject=case.subject, design=case.title, source=OURS, accuracy=accuracy, costs=costs,
        latency=case.latency(design.config), parameters=dict(case.parameters),
    )  # fmt: skip


def _on_ice40(case: Case, folder: Path, seeds: Sequence[int]) -> Cost:
    """Measure on the small part: its multipliers if they suffice, else LUTs."""
    design = design_of(case.room, **(dict(case.parameters) | dict(case.small)))
    options = options_for(ICE40_UP5K)
    cost = measure(design, ICE40_UP5K, options, folder / "ice40", seeds, TARGET_MHZ / 4)
    if (cost.dsp or 0) > ICE40_UP5K.capacity.dsp:
        options = replace(options, dsp=False)
        cost = measure(design, ICE40_UP5K, options, folder / "ice40_luts", seeds, TARGET_MHZ / 4)
    changed = [f"{name} {value}" for name, value in case.small.items()]
    cost.note = "; ".join([*changed, *([cost.note] if cost.note else [])])
    return cost


def published() -> list[Result]:
    """Give the published designs: errors from our integer models, areas measured earlier with the flags shown."""
    text = files("gatewright.gen.bench").joinpath("public_nonlinear.jsonl").read_text()
    found = []
    for line in text.splitlines():
        row = json.loads(line)
        result = Result(
            **{key: row.pop(key) for key in ("subject", "design", "source")},
            known_max_real=row.pop("known_max_real", None),
            note=row.pop("note", ""),
        )
        model = row.pop("model", "")
        result.accuracy = MODELS[model]() if model else None
        if row["family"]:
            result.costs = [Cost(**row)]
        found.append(result)
    return found


def bench_nonlinear(
    quick: bool = False,
    save: Path | None = None,
    as_json: bool = False,
    done: Callable[[str], None] = lambda title: None,
    chosen: Sequence[Case] | None = None,
    subjects: Sequence[str] | None = None,
) -> list[Result]:
    """Measure the nonlinear rooms and show them beside published methods.

    Parameters
    ----------
    quick : bool
        Synthesise only: areas, no clock rates.
    save : Path, optional
        Folder that gets ``bench_nonlinear.json``, ``bench_nonlinear.md`` and the pictures.
    as_json : bool
        Print JSON instead of tables.
    done : callable
        Hears of each case that ends.
    chosen : sequence of Case, optional
        Instead of all.
    subjects : sequence of str, optional
        Published designs of these subjects only.
    """
    results = []
    with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
        for index, case in enumerate(cases() if chosen is None else chosen):
            results.append(run_case(case, Path(folder) / str(index), () if quick else SEEDS))
            done(case.title)
    results += [result for result in published() if not subjects or result.subject in subjects]
    words = [f"--subject {subject}" for subject in subjects or ()]
    outcome = {
        "command": " ".join(["gatewright bench nonlinear", *words, *(["--quick"] if quick else [])]),
        "tools": tool_versions("ecp5") | tool_versions("ice40"),
        "seeds": [] if quick else list(SEEDS),
        "parts": {part.family: part.name for part in (ECP5_85F, ICE40_UP5K)},
        "target_mhz": {"ecp5": TARGET_MHZ, "ice40": TARGET_MHZ / 4},
        "results": [result.as_json() for result in results],
    }
    if save is not None:
        _save(save, outcome, results)
    if as_json:
        show_json(outcome)
    else:
        for title, columns, lines in tables(results):
            show_table(title, columns, lines)
        console.print(caption(outcome), soft_wrap=True)
    return results


def tables(results: Sequence[Result]) -> list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]]:
    """Give title, columns and lines of every table: accuracy and cost of each subject."""
    found: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = []
    for subject, title in SUBJECTS.items():
        here = [result for result in results if result.subject == subject]
        known = [result for result in here if result.max_real is not None]
        if any(isinstance(result.accuracy, RowAccuracy) for result in known):
            found.append((f"{title}: accuracy", ROW_COLUMNS, [_row_line(result) for result in known]))
        elif known:
            found.append((f"{title}: accuracy", COLUMNS, [_line(result) for result in known]))
        lines = [_cost_line(result, cost) for result in here for cost in result.costs]
        if lines:
            found.append((f"{title}: cost", COST_COLUMNS, lines))
    return found


COLUMNS = ("design", "max LSB", "mean LSB", "bound LSB", "LSB", "max error", "table bits", "evaluated")
ROW_COLUMNS = (
    "design", "max LSB", "mean LSB", "bound LSB", "max error", "against real scores", "KL", "top-1 flips %",
    "order broken %", "row sums", "evaluated",
)  # fmt: skip
COST_COLUMNS = (
    "design", "part", "LUT4", "carry", "LUTeq", "FF", "DSP", "BRAM", "MHz min/median", "latency", "flags",
)  # fmt: skip


def _line(result: Result) -> tuple[Any, ...]:
    a = result.accuracy
    if a is None:
        return (result.name, None, None, None, None, result.known_max_real, None, "measured earlier")
    return (result.name, a.max_lsb, a.mean_lsb, a.bound_lsb, _power(a.lsb), a.max_real, a.table_bits, a.inputs)


def _row_line(result: Result) -> tuple[Any, ...]:
    a = result.accuracy
    if not isinstance(a, RowAccuracy):
        return (result.name, None, None, None, result.known_max_real, *[None] * 5, "measured earlier")
    return (
        result.name, a.max_lsb, a.mean_lsb, a.bound_lsb, a.max_real, a.real_max, a.kl, round(100 * a.flips, 1),
        round(100 * a.code_flips, 1), f"{a.sum_min:.3f}..{a.sum_max:.3f}", a.inputs,
    )  # fmt: skip


def _cost_line(result: Result, cost: Cost) -> tuple[Any, ...]:
    note = f" ({cost.note or result.note})" if cost.note or result.note else ""
    flags = cost.flags + (", wrapped" if cost.wrapped and cost.fmax_mhz else "") + note
    if result.source == OURS and cost.family == "ecp5" and cost.dsp:
        flags += " + DSP registers"
    latency = result.latency if cost.family == "ecp5" else None  # told once
    return (
        result.name, cost.family, cost.lut4, cost.carry, cost.lut_equivalent, cost.ff, cost.dsp, cost.bram, cost.rate,
        latency, flags,
    )  # fmt: skip


def _power(value: float) -> str | float:
    """Write a power of two as such."""
    mantissa, exponent = value.hex().split("p")
    return f"2^{int(exponent)}" if set(mantissa.removeprefix("0x1")) <= {".", "0"} else value


def caption(outcome: dict[str, Any]) -> str:
    """Say what the tables mean and how they came about."""
    return (
        "Errors are of the golden models, which the hardware equals bit for bit, against float64 on the same input "
        "codes, in units (LSB) of the output; bound is what the config guarantees. Softmax: rows of products of random "
        "queries and keys (score deviations 1, 2, 3; lengths 16, 64, 256, 1024) and nine hard rows a length, quantised "
        "to each method's own scores; against real scores, KL (nats; zeros count as half an LSB) and top-1 flips are "
        "taken before quantisation; order broken: the greatest code has not the greatest probability; row sums at "
        "length 64. (Names) in brackets: published methods, errors from our integer models of their formulas, areas of "
        "public RTL measured earlier with the flags shown, one seed. LUTeq = LUT4 + 2 CCU2C + 4 DPR16X4. ECP5-85F "
        "speed 6, out of context; + DSP registers: our flow moves registers into hard multipliers after synthesis, FF "
        "counts those that stay outside. iCE40 UP5K, seed 1; untimed: nextpnr has no delays through its multipliers; "
        "wrapped: placed between shift registers for want of pins, counts are of the design alone. Latency in cycles, "
        "first beat in to first beat out, rows of 64. "
        f"Tools: {tools_line(outcome['tools'])}. Seeds on ECP5: {outcome['seeds'] or 'none, synthesis only'}."
    )


def _save(folder: Path, outcome: dict[str, Any], results: Sequence[Result]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / "bench_nonlinear.json", json.dumps(outcome, indent=2) + "\n")
    parts = ["# Nonlinear units: ours beside published methods\n"]
    parts += [f"## {title}\n\n{markdown_table(columns, lines)}" for title, columns, lines in tables(results)]
    parts += [caption(outcome) + "\n", f"Made by `{outcome['command']} --save`.\n"]
    write_file(folder / "bench_nonlinear.md", "\n".join(parts))
    for name, picture in pictures(results, outcome).items():
        write_file(folder / name, picture)


def pictures(results: Sequence[Result], outcome: dict[str, Any]) -> dict[str, bytes]:
    """Draw error against area for the subjects that have a picture: file name to PNG."""
    drawn = {}
    for name, (subject, title, unit, memories) in PICTURES.items():
        points = [
            _point(result, result.max_real)
            for result in results
            if result.subject == subject and result.max_real is not None and result.source != FORMAT
        ]
        if any(point.area for point in points):
            drawn[f"pareto_{name}.png"] = draw(points, title, _small_print(outcome, memories), unit, memories)
    return drawn


# Subject, title, unit of the output, and whether all need block RAM, so that those with it may lead.
PICTURES = {
    "softmax": ("softmax", "Softmax, 8 bits, rows of 64: greatest error against area", 2.0**-8, True),
    "gelu": ("gelu", "GELU, one lane: greatest error against area", None, False),
    "exp": ("exp", "exp, one lane: greatest error against area", 2.0**-16, False),
}


def _point(result: Result, error: float) -> Point:
    cost = next((cost for cost in result.costs if cost.family == "ecp5"), None)
    if cost is None:
        return Point(result.design, None, error, result.source == OURS)
    blocks = [f"{count} {name}" for name, count in (("DSP", cost.dsp), ("BRAM", cost.bram)) if count]
    return Point(result.design, cost.lut_equivalent, error, result.source == OURS, ", ".join(blocks))


def _small_print(outcome: dict[str, Any], memories: bool) -> str:
    tools = {name: version for name, version in outcome["tools"].items() if name in ("gatewright", "pyosys")}
    also = "" if memories else " without block RAM"
    return (
        "Filled: ours. Hollow, in brackets: published methods, errors from our integer models of their formulas.\n"
        f"Line: what no other design{also} beats. ECP5, flags in the table; {tools_line(tools)}.\n"
        f"Made by `{outcome['command']} --save`."
    )
