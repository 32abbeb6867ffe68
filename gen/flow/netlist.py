# SPDX-License-Identifier: BSD-2-Clause
"""Turn a synthesised netlist into Verilog that simulates: same top, same ports, primitives resolved.

Logic cells (LUTs, flip-flops, carries, small RAMs, the iCE40 multiplier) come from the library that
ships with Yosys and are flattened. Block RAMs and the other multipliers are our own models of
``tb/netlist``; only those in use are appended.
"""

import json
import re
from pathlib import Path
from typing import Any

import gatewright.tb.netlist
from gatewright.gen.flow.contents import write_source
from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import run_yosys

FAMILIES = ("ecp5", "ice40", "gowin")

_CORE = "memory_core.v"
# Cells that change no value: clock and pin buffers that a flow may have put in.
_BUFFERS = "module {name}(input {i}, output {o}); assign {o} = {i}; endmodule\n"
_EXTRA = {
    "ecp5": "",
    "ice40": _BUFFERS.format(name="SB_GB", i="USER_SIGNAL_TO_GLOBAL_BUFFER", o="GLOBAL_BUFFER_OUTPUT"),
    "gowin": "",
}
# A JSON netlist carries the cells' empty shells along, some with their parameters already bound.
_DROP_BOXES = "delete =A:blackbox =A:whitebox =A:lib_whitebox\n"
# Reset and enable pins tied to constants are folded, nothing is inferred or merged.
_SIMPLIFY = """\
proc
flatten
opt_expr
opt_dff -nodffe -nosdff
opt_clean -purge
delete t:$scopeinfo
rename {top} {rename}
write_json {name}.json
write_verilog -noattr -norename {name}.v
"""


def simulation_netlist(
    workdir: Path, netlist: Path, top: str, family: str, rename: str | None = None, name: str = "simulation"
) -> Path:
    """Write ``workdir/<name>.v``: the netlist as plain Verilog with the ports of its RTL.

    Parameters
    ----------
    workdir : Path
        Where the result and Yosys' script and log go; must exist.
    netlist : Path
        What synthesis wrote: Yosys JSON (``.json``) or Verilog.
    top : str
        Top module.
    family : str
        ``ecp5``, ``ice40`` or ``gowin``.
    rename : str, optional
        Give the top module this name instead.
    name : str
        Stem of the files written.

    Raises
    ------
    ToolError
        If a primitive is in the netlist that has no simulation model, or Yosys fails.
    """
    known_family(family)
    text = netlist.read_text()
    read = "read_json" if netlist.suffix == ".json" else "read_verilog"
    source = f"{name}.in{'.json' if netlist.suffix == '.json' else '.v'}"
    (workdir / source).write_text(text)
    script = f"{read} {source}\n{_DROP_BOXES}{_libraries(workdir, family)}hierarchy -check -top {top}\n"
    return _plain(workdir, script, top, family, rename or top, name)


def plain_rtl(
    workdir: Path, rtl: Path, top: str, family: str | None = None, rename: str | None = None, name: str = "rtl"
) -> Path:
    """Write RTL in the same form: one flat module, with the models of primitives that it instantiates.

    Parameters
    ----------
    workdir, rtl, top, rename, name
        As for `simulation_netlist`.
    family : str, optional
        Whose primitives may appear in the RTL; none when absent.
    """
    write_source(rtl.read_text(), workdir / f"{name}.in.v")
    libraries = _libraries(workdir, known_family(family)) if family else ""
    script = f"read_verilog -sv {name}.in.v\n{libraries}hierarchy -check -top {top}\n"
    return _plain(workdir, script, top, family, rename or top, name)


def known_family(family: str) -> str:
    """Give back ``family``, or refuse it."""
    if family not in FAMILIES:
        raise ToolError(f"family must be one of {', '.join(FAMILIES)}, not {family}")
    return family


def model_file(family: str, cell: str) -> Path:
    """Where our model of a primitive is, or would be."""
    return _models() / f"{family}_{cell.lower()}.v"


def _models() -> Path:
    return Path(str(gatewright.tb.netlist.__file__)).parent


def _libraries(workdir: Path, family: str) -> str:
    """Give the commands that read the cell library; ours come last, as black boxes with ports."""
    lines = [f"read_verilog -defer -overwrite +/{family}/cells_sim.v"]
    (workdir / "models.v").write_text(_EXTRA[family])
    lines.append("read_verilog -overwrite models.v")
    for index, path in enumerate(sorted(_models().glob(f"{family}_*.v"))):
        (workdir / f"box{index}.v").write_text(path.read_text())
        lines.append(f"read_verilog -sv -lib -overwrite box{index}.v")
    return "".join(f"{line}\n" for line in lines)


def _plain(workdir: Path, script: str, top: str, family: str | None, rename: str, name: str) -> Path:
    run_yosys(script + _SIMPLIFY.format(top=top, rename=rename, name=name), workdir, name)
    out = workdir / f"{name}.v"
    text = out.read_text()
    boxes = _boxes(read_module(workdir / f"{name}.json", rename))
    for cell in boxes:
        if family is None or not model_file(family, cell).exists():
            raise ToolError(
                f"{top} uses the primitive {cell}, which has no simulation model; keep it out of the checked "
                f"module or add tb/netlist/{family or '<family>'}_{cell.lower()}.v"
            )
    models = [model_file(family, cell).read_text() for cell in boxes] if family else []
    if any("gatewright_sim_memory_core" in model for model in models):
        models.insert(0, (_models() / _CORE).read_text())
    out.write_text("\n".join([_only(text, rename), *models]))
    return out


def read_module(path: Path, top: str) -> dict[str, Any]:
    """Give one module of a Yosys JSON netlist."""
    module: dict[str, Any] = json.loads(path.read_text())["modules"][top]
    return module


def _boxes(module: dict[str, Any]) -> list[str]:
    """Name the cells that are modules of their own: Yosys' internal ones start with a dollar."""
    types = {cell["type"] for cell in module["cells"].values()}
    return sorted(name for name in types if not name.startswith("$") or name.startswith("$paramod"))


def _only(text: str, top: str) -> str:
    """Drop every module but the top."""
    match = re.search(rf"^module {re.escape(top)}\b.*?^endmodule$", text, re.MULTILINE | re.DOTALL)
    if match is None:
        raise ToolError(f"Yosys wrote no module {top}")
    return match[0] + "\n"
