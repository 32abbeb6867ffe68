# SPDX-License-Identifier: BSD-2-Clause
"""The card of the adder graph quotes what the graph and synthesis give."""

import re
from pathlib import Path

import numpy as np
import pytest

import gatewright.hw.ternary
from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.gen.flow.synth import SynthOptions, synthesise
from gatewright.tb.ternary.tb_adder_graph import drawn

CARD = Path(gatewright.hw.ternary.__file__).parent / "adder_graph" / "card.md"
OPTIONS = {"ecp5": SynthOptions(wide_luts=False, carry_luts=True, rw_check=False), "ice40": SynthOptions()}
ROW = re.compile(r"\| (\d+) x (\d+) \|([^|]*)\| (\w+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|")


def rows():
    """Rows of the card's table: design and family, then adders and what was measured."""
    for outputs, inputs, more, family, *quoted in ROW.findall(CARD.read_text()):
        values = drawn(int(outputs), int(inputs), 1)
        if found := re.fullmatch(r" `(\w+)` (\w+) ", more):
            values[found[1]] = int(found[2]) if found[2].isdigit() else found[2]
        yield design_of("adder_graph", "matrix", **values), family, quoted


CASES = list(rows())


def test_the_table_is_read_whole():
    assert len(CASES) == 9


@pytest.mark.parametrize(("design", "family", "quoted"), CASES, ids=range(len(CASES)))
def test_card_quotes_the_graph(design, family, quoted):
    config = design.config
    assert quoted[:2] == [str(config.adders), f"{config.adders / np.count_nonzero(config.matrix):.2f}"]


@pytest.mark.parametrize(
    ("design", "family", "quoted"),
    [pytest.param(*case, marks=() if index == 0 else pytest.mark.slow) for index, case in enumerate(CASES)],
)
def test_card_quotes_the_measured_cost(design, family, quoted, tmp_path):
    (tmp_path / "design.v").write_text(verilog(design))
    counts = synthesise([tmp_path / "design.v"], design.top, family, tmp_path, OPTIONS[family]).counts
    weights = design.config.matrix.size
    assert quoted[2:] == [f"{counts[kind] / weights:.1f}" for kind in ("LUTeq", "FF")]
