# SPDX-License-Identifier: BSD-2-Clause
"""The card of the ternary engine quotes what synthesis gives."""

import re
from pathlib import Path

import pytest

import gatewright.hw.ternary
from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.gen.flow.synth import SynthOptions, synthesise

CARD = Path(gatewright.hw.ternary.__file__).parent / "tlmm" / "card.md"
OPTIONS = SynthOptions(wide_luts=False, carry_luts=True, rw_check=False)
ROW = re.compile(r"\| `(\w+)`([^|]*)\| (\d+) x (\d+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|")


def rows():
    """Rows of the card's table: parameters, then LUTeq and FF per weight and cycle, and block RAMs."""
    for method, more, group, groups, outputs, luteq, ff, ram in ROW.findall(CARD.read_text()):
        values = {"method": method, "group": int(group), "groups": int(groups), "outputs_per_cycle": int(outputs)}
        if "overlap" in more:
            values["overlap"] = True
        if "block" in more:
            values["storage"] = "block"
        if "vectors" in more:
            values["vectors"] = int(more.split()[-1])
        quick = method == "half" and outputs == "4" and "overlap" not in more
        yield pytest.param(values, (luteq, ff, int(ram)), marks=() if quick else pytest.mark.slow)


CASES = list(rows())


def test_the_table_is_read_whole():
    assert len(CASES) == 14


def test_tables_of_two_vectors_need_2_5_times_fewer_luts_than_selection():
    cases = [case.values for case in CASES[:7]]  # 16 outputs per cycle, tables in LUT RAM
    cost = {(values["method"], values.get("vectors")): float(quoted[0]) for values, quoted in cases}
    assert cost["half", 2] <= 10
    assert cost["select", 2] >= 2.5 * cost["half", 2]


@pytest.mark.parametrize(("values", "quoted"), CASES)
def test_card_quotes_the_measured_cost(values, quoted, tmp_path):
    design = design_of("tlmm", "engine", **values)
    (tmp_path / "design.v").write_text(verilog(design))
    counts = synthesise([tmp_path / "design.v"], design.top, "ecp5", tmp_path, OPTIONS).counts
    weights = design.config.block * design.config.outputs_per_cycle * design.config.vectors
    measured = [f"{counts[kind] / weights:.1f}" for kind in ("LUTeq", "FF")]
    assert (*measured, counts["BRAM"]) == quoted
