# SPDX-License-Identifier: BSD-2-Clause
"""Prove that a fault in the generated RTL makes no difference.

First all registers are taken as inputs: a fault that changes no next state and no output, whatever
the state, is none. That takes a minute for the largest rooms. Then original and faulty design run
side by side, and the ports must agree in all states that can be reached.
"""

import re
from importlib.util import find_spec
from pathlib import Path

from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import run_program, run_yosys

# One design with one of its faults, or with number 0 none, down to gates and registers.
_CUT = """\
read_rtlil mutants.il
cd {top}
delete -input mutant_select
connect -set mutant_select 12'd{number}
cd ..
hierarchy -top {top}
proc
flatten
memory_map
opt_expr
opt_clean
setundef -undriven -zero
techmap
dffunmap
simplemap
setundef -init -zero
opt_expr
opt_clean
aigmap
opt_clean
write_aiger -zinit cut_{number}.aig
"""
_SAME = """\
read_aiger cut_0.aig; comb; write_aiger comb_0.aig; read_aiger cut_{number}.aig; comb; \
write_aiger comb_{number}.aig; cec -T {seconds} comb_0.aig comb_{number}.aig"""

# Both copies start as configured, which is also the state after a reset of all that resets.
_PROVE = """\
read_rtlil mutants.il
copy {top} gold
copy {top} gate
delete {top}
cd gold
delete -input mutant_select
connect -set mutant_select 12'd0
cd ..
cd gate
delete -input mutant_select
connect -set mutant_select 12'd{number}
cd ..
read_verilog equal.v
hierarchy -top equal
proc
flatten
memory_map
opt -full
setundef -undriven -zero
techmap
opt -full
dffunmap
simplemap
setundef -init -zero
aigmap
write_aiger -zinit prove_{number}.aig
"""

# First by merging registers that can be shown equal, then by property-directed reachability.
_REACH = "read_aiger {file}; dprove -T {seconds}; read_aiger {file}; pdr -T {seconds}"
_PROVED = ("Networks are equivalent", "Property proved")
PROOF_SECONDS = 20
PATIENCE = 3 * PROOF_SECONDS  # abc looks at its clock between steps only, and a step can take minutes


def proved_equal(top: str, number: int, work: Path) -> bool:
    """Try to prove that no use of the ports, within the rules of streams, ever shows the fault."""
    for proof in (_alike, _inseparable):
        try:
            if proof(top, number, work):
                return True
        except ToolError:  # out of time: no proof, and the other may be quicker
            continue
    return False


def _alike(top: str, number: int, work: Path) -> bool:
    """Whether next states and outputs are the same in every state, even one that is never reached."""
    for each in (0, number):
        if not (work / f"cut_{each}.aig").exists():
            run_yosys(_CUT.format(top=top, number=each), work, f"cut_{each}")
    return "Networks are equivalent" in _abc(_SAME.format(number=number, seconds=PROOF_SECONDS), work, f"cut_{number}")


def _inseparable(top: str, number: int, work: Path) -> bool:
    """Whether the ports agree in every state that can be reached."""
    (work / "equal.v").write_text(both(ports((work / f"{top}.v").read_text(), top)))
    run_yosys(_PROVE.format(top=top, number=number), work, f"prove_{number}")
    said = _abc(_REACH.format(file=f"prove_{number}.aig", seconds=PROOF_SECONDS), work, f"prove_{number}")
    return any(verdict in said for verdict in _PROVED)


def _abc(script: str, work: Path, name: str) -> str:
    spec = find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise ToolError("pyosys is not installed; pip install gatewright")
    abc = Path(spec.origin).with_name("yosys-abc")
    return run_program([str(abc), "-q", script], work, work / f"{name}.abc.log", seconds=PATIENCE)


def ports(verilog: str, top: str) -> list[tuple[str, int, str]]:
    """Read direction, width and name of a module's ports from emitted Verilog."""
    body = verilog[verilog.index(f"module {top}(") :]
    body = body[: body.index("endmodule")]
    found = re.findall(r"^\s*(input|output) (?:\[(\d+):0\] )?(\w+);", body, re.M)
    return [(direction, int(high or 0) + 1, name) for direction, high, name in found]


def both(pins: list[tuple[str, int, str]]) -> str:
    """Give a module that holds original and faulty design and tells where they differ.

    A payload counts only while its ``valid`` is high. Senders keep to the stream rules: what was
    offered stays until it is taken; from a breach on nothing counts.
    """
    names = [name for _, _, name in pins]
    wires, differ, breaks = [], [], []
    for direction, width, name in pins:
        stream = name.removesuffix("__payload")
        if direction == "output":
            wires.append(f"wire [{width - 1}:0] gold_{name}, gate_{name};")
            seen = f"gold_{stream}__valid & " if name != stream and f"{stream}__valid" in names else ""
            differ.append(f"({seen}(gold_{name} != gate_{name}))")
        elif name != stream and f"{stream}__ready" in names:
            wires += [f"reg waits_{stream} = 0; reg [{width - 1}:0] was_{stream} = 0;"]
            wires += [f"always @(posedge clk) waits_{stream} <= {stream}__valid & ~gold_{stream}__ready & ~rst;"]
            wires += [f"always @(posedge clk) was_{stream} <= {name};"]
            breaks.append(f"(waits_{stream} & (~{stream}__valid | ({name} != was_{stream})))")
    heads = ", ".join(f"input [{width - 1}:0] {name}" for direction, width, name in pins if direction == "input")
    copies = [
        f"{copy} {copy}_copy(" + ", ".join(
            f".{name}({name if direction == 'input' else f'{copy}_{name}'})" for direction, _, name in pins
        ) + ");"
        for copy in ("gold", "gate")
    ]  # fmt: skip
    return "\n".join([
        f"module equal({heads}, output differ);", *wires, *copies,
        f"wire breach = {' | '.join(breaks) or 0};",
        "reg breached = 0; always @(posedge clk) breached <= breached | breach;",
        f"assign differ = ~breach & ~breached & ({' | '.join(differ)});",
        "endmodule", "",
    ])  # fmt: skip
