# SPDX-License-Identifier: BSD-2-Clause
"""Proofs that our Verilog and XLS' compute the same function, for all inputs.

Of a pipeline without feedback, registers become wires: with every beat valid, no stall and no reset, what comes
out is a function of what went in. A unit that carries something from beat to beat (argmax) is proved by induction
over cycles instead, a packet a beat, against XLS' function delayed by the unit's latency.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.gen.design import Design
from gatewright.gen.emit import verilog
from gatewright.gen.hls.xls import XlsKernel, slices
from gatewright.hls_kernels.catalogue import kernel_of
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import run_yosys

ROOMS = ("requantise", "activation", "gated", "argmax")

# An always-true enable and a never-true reset leave plain registers, which the map takes for wires.
_WIRES = "module \\$dff (CLK, D, Q); parameter WIDTH = 1; parameter CLK_POLARITY = 1; input CLK; " \
    "input [WIDTH-1:0] D; output [WIDTH-1:0] Q; assign Q = D; endmodule\n"  # fmt: skip
_READ = """\
read_verilog -sv ours.v
read_verilog xls.v
read_verilog -formal -sv miter.v
prep -flatten -top miter
memory_nordff
memory_map
opt -full
opt_dff
opt -full
"""
_COMBINATIONAL = """\
dffunmap
techmap -map wires.v
opt -full
opt_merge
chformal -lower
check -assert
sat -prove-asserts -set-assumes -timeout {seconds} -verify miter
"""
_SEQUENTIAL = """\
chformal -lower
dffunmap
sat -tempinduct -prove-asserts -set-assumes -seq 1 -set-at 1 rst 1 -maxsteps {steps} -timeout {seconds} -verify miter
"""


@dataclass(frozen=True)
class Proof:
    """Outcome: proved, refuted, or neither in the time given."""

    verdict: str
    bits: int  # of the inputs


def prove(design: Design, folder: Path, source: str = "", seconds: int = 300) -> Proof:
    """Prove a design equal to its kernel in XLS.

    Parameters
    ----------
    design : Design
        Of one of `ROOMS`; argmax with packets of one beat.
    folder : Path
        Scratch space; the Verilog of both and Yosys' log stay there.
    source : str
        DSLX in place of the kernel's own: a planted fault, which must be refuted.
    seconds : int
        Patience of the solver.
    """
    config, kernel = design.config, kernel_of(design.config)
    text = XlsKernel(kernel, source).verilog()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ours.v").write_text(verilog(design))
    (folder / "xls.v").write_text(text)
    (folder / "wires.v").write_text(_WIRES)
    feedback = design.room.name == "argmax"
    (folder / "miter.v").write_text(_miter(design, kernel, feedback))
    tail = _SEQUENTIAL if feedback else _COMBINATIONAL
    return Proof(_verdict(_READ + tail.format(seconds=seconds, steps=config.latency + 3), folder), _bits(kernel))


def _bits(kernel: Kernel) -> int:
    return sum(field.bits * field.count for field in kernel.inputs)


def _verdict(script: str, folder: Path) -> str:
    try:
        run_yosys(script, folder, "prove")
    except ToolError:
        log = (folder / "prove.log").read_text()
        if "model found: FAIL!" in log or "proof did fail" in log:
            return "refuted"
        if "timeout" in log.lower():
            return "not settled"
        raise
    return "proved"


def _miter(design: Design, kernel: Kernel, feedback: bool) -> str:
    """Write both beside each other, under one input."""
    config: Any = design.config
    i, o = config.inputs[0], config.outputs[0]
    latency, reset = (config.latency, "rst") if feedback else (0, "1'b0")
    packed = slices(i, "x")
    calls = ", ".join(f".{field.name}({packed[field.name]})" for field in kernel.inputs)
    width = sum(field.bits * field.count for field in kernel.outputs)
    ours = slices(o, "ours")
    result = ", ".join(ours[field.name] for field in kernel.outputs)  # XLS: the first at the high end
    last = f"  assume property ({packed['last']});\n" if "last" in packed else ""
    chain = "".join(
        f"  reg [{width - 1}:0] d{step} = 0; reg v{step} = 0;\n  always @(posedge clk) begin d{step} <= {data}; "
        f"v{step} <= {go} & ~rst; end\n"
        for step, (data, go) in enumerate([("theirs", "~rst"), *((f"d{n}", f"v{n}") for n in range(latency - 1))])
        if step < latency
    )
    when, expect = (f"!v{latency - 1} || ", f"d{latency - 1}") if latency else ("", "theirs")
    valid = f"  assert property (v{latency - 1} == valid);\n" if latency else ""
    return (
        f"module miter(input clk, input {'rst' if feedback else 'unused'}, input [{i.bits - 1}:0] x);\n"
        f"  wire [{o.bits - 1}:0] ours; wire valid, ready; wire [{width - 1}:0] theirs;\n"
        f"  {design.top} room(.clk(clk), .rst({reset}), .i__payload(x), "
        ".i__valid(1'b1), .i__ready(ready), .o__payload(ours), .o__valid(valid), .o__ready(1'b1));\n"
        f"  xls_{kernel.name} other({calls}, .out(theirs));\n{last}{chain}{valid}"
        f"  assert property ({when}{{{result}}} == {expect});\nendmodule\n"
    )
