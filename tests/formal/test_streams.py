# SPDX-License-Identifier: BSD-2-Clause
"""Proofs by induction on the emitted Verilog of the buffers, for all inputs, stalls and resets.

A reference queue is written into the emitted module beside the design. Its invariant ties every
register of the design to it, so one step of induction settles all runs of any length. Nothing is
lost, doubled or changed; ready and valid tell exactly how many beats wait; payloads hold.
"""

import pytest

from gatewright.gen.design import design_of
from gatewright.gen.emit import verilog
from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import run_yosys

REFERENCE = """
  reg [{top}:0] queue [0:{depth}];
  reg [7:0] level = 0;
  wire push = i__valid & i__ready;
  wire pop = o__valid & o__ready;
  reg waiting = 0;
  reg [{top}:0] waited = 0;
  integer k;
  always @(posedge clk) begin
    level <= rst ? 0 : level + push - pop;
    if (pop) for (k = 0; k < {depth}; k = k + 1) queue[k] <= queue[k + 1];
    if (push && level >= pop) queue[level - pop] <= i__payload;
    waiting <= o__valid & ~o__ready & ~rst;
    waited <= o__payload;
  end
  always @* begin
    assert (level <= {capacity});
    assert (i__ready == (level < {capacity}));
    assert (o__valid == (level > 0{passes}));
    if (level > 0) assert (o__payload == queue[0]);
    if (waiting) assert (o__valid && o__payload == waited);
{invariants}
  end
endmodule
"""

PROVE = """
read_verilog -formal -sv proof.v
prep -flatten -top {name}
memory_map
opt -full
chformal -lower
dffunmap
sat -tempinduct -prove-asserts -set-assumes -maxsteps 4 -verify {name}
"""


def prove(folder, room, capacity, invariants, passes="", **parameters):
    design = design_of(room, **parameters)
    text = verilog(design).rstrip()
    assert text.endswith("endmodule")
    top = design.config.inputs[0].bits - 1
    lines = "\n".join(f"    {line};" for line in invariants)
    checker = REFERENCE.format(top=top, depth=capacity, capacity=capacity, passes=passes, invariants=lines)
    (folder / "proof.v").write_text(text.removesuffix("endmodule") + checker)
    run_yosys(PROVE.format(name=design.top), folder)
    assert "Induction step proven: SUCCESS!" in (folder / "yosys.log").read_text()


SKID = ["if (level == 2) assert (spare == queue[1])"]


def fifo_invariants(depth):
    thermometer = "assert (full == (1 << level) - 1)"
    return [thermometer, *(f"if (level > {k}) assert (slot{k} == queue[{k}])" for k in range(depth))]


@pytest.mark.parametrize("width", [1, 4])
def test_skid_is_a_queue_of_two_beats(tmp_path, width):
    prove(tmp_path, "skid", 2, SKID, width=width)


PASSING = {"passes": " || i__valid", "cuts": "ready"}
PASSED = ["if (level == 0 && i__valid) assert (o__payload == i__payload)", "assert (full == level)"]


@pytest.mark.parametrize("width", [1, 4])
def test_skid_that_cuts_ready_only_is_a_queue_of_one_beat_that_others_pass(tmp_path, width):
    prove(tmp_path, "skid", 1, PASSED, **PASSING, width=width)


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_fifo_in_registers_is_a_queue_of_its_depth(tmp_path, depth):
    prove(tmp_path, "fifo", depth, fifo_invariants(depth), depth=depth, width=2)


def test_the_proof_fails_if_a_beat_that_passes_were_another(tmp_path):
    wrong = ["if (level == 0 && i__valid) assert (o__payload != i__payload)"]
    with pytest.raises(ToolError):
        prove(tmp_path, "skid", 1, wrong, **PASSING, width=1)
    assert "proof did fail" in (tmp_path / "yosys.log").read_text()


@pytest.mark.parametrize("capacity", [1, 3])
def test_the_proof_fails_for_a_capacity_that_the_skid_has_not(tmp_path, capacity):
    with pytest.raises(ToolError):
        prove(tmp_path, "skid", capacity, [], width=1)
    assert "proof did fail" in (tmp_path / "yosys.log").read_text()


def test_the_proof_fails_if_the_spare_register_held_the_older_beat(tmp_path):
    with pytest.raises(ToolError):
        prove(tmp_path, "skid", 2, ["if (level == 2) assert (spare == queue[0])"], width=1)
    assert "proof did fail" in (tmp_path / "yosys.log").read_text()
