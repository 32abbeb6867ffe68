# SPDX-License-Identifier: BSD-2-Clause
"""The cards of the trit codecs quote what synthesis gives."""

from pathlib import Path

import pytest

import gatewright.hw.ternary
from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.hw.ternary.packing import GROUP_PACKINGS

HOUSE = Path(gatewright.hw.ternary.__file__).parent
COLUMNS = {"ECP5": ("ecp5", True), "ECP5, `-nowidelut`": ("ecp5", False), "iCE40": ("ice40", True)}
QUICK = {("trit_decode", "base3_g5"), ("trit_decode", "escape_g5")}
CASES = [
    pytest.param(room, packing, marks=() if (room, packing) in QUICK else pytest.mark.slow)
    for room in ("trit_decode", "trit_encode")
    for packing in GROUP_PACKINGS
]


def quoted(room, packing):
    """LUTeq by column in the card's table of packings."""
    lines = (HOUSE / room / "card.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    start = next(k for k, row in enumerate(cells) if row[0] == "packing" and "ECP5" in row)
    row = next(row for row in cells[start:] if row[0] == f"`{packing}`")
    return {column: int(row[cells[start].index(column)]) for column in COLUMNS}


@pytest.mark.parametrize(("room", "packing"), CASES)
def test_card_quotes_the_measured_cost(room, packing, tmp_path):
    design = design_of(room, "codec", packing=packing)
    (tmp_path / "design.v").write_text(verilog(design))
    measured = {}
    for number, (column, (family, wide)) in enumerate(COLUMNS.items()):
        options = SynthOptions(wide_luts=wide)
        result = synthesise([tmp_path / "design.v"], design.top, family, tmp_path / str(number), options)
        measured[column] = result.counts["LUTeq"]
    assert quoted(room, packing) == measured
