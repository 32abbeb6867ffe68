# SPDX-License-Identifier: BSD-2-Clause
"""Compile emitted Verilog and a C++ driver into a shared library; reuse it while nothing changes."""

import hashlib
import os
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from gatewright.tb import objects
from gatewright.tb.tools import run_program, run_verilator, run_yosys, verilator_environment

# The emitted text is kept readable; this form of the same netlist simulates several times faster.
_FLATTEN = """\
read_verilog design.v
hierarchy -top {top}
proc
flatten
opt_expr
opt_dff
opt_clean
write_verilog -norename -noattr model.v
"""
_REGISTER = re.compile(r"  always @\((\w+ [^\n]+)\)\n    if \(([^\n]*?)\) ([^\n(\[]*<=[^\n]*;)\n(?!    else)")


def shared_library(verilog: Path, top: str, driver: str, folder: Path, simplify: bool = True) -> Path:
    """Give the path of the compiled model, building it if its inputs are new.

    Parameters
    ----------
    verilog : Path
        Emitted Verilog, or a netlist in plain Verilog.
    top : str
        Top module.
    driver : str
        C++ source with ``extern "C"`` entry points; includes ``Vtop.h``.
    folder : Path
        Where models are kept, one sub-folder per content hash.
    simplify : bool
        Pass the Verilog through Yosys first. A netlist, of which there is nothing to simplify, runs for seconds: it is
        compiled with less optimisation, several times as fast.
    """
    text = verilog.read_bytes()
    key = hashlib.sha256(text)
    how = (_FLATTEN, _REGISTER.pattern, version("verilator"), version("pyosys"))
    key.update(repr((top, driver, simplify, *how)).encode())
    place = folder / key.hexdigest()[:16]
    library = place / "model.so"
    if library.exists():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder))
    try:
        _compile(work, text, top, driver, simplify)
        shutil.rmtree(place, ignore_errors=True)
        work.replace(place)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return library


def together(text: str) -> str:
    """Put all registers of one clock and one enable into one block: a pipeline at rest costs one test, not thousands.

    Slices and memories stay where they are.
    """
    blocks: dict[tuple[str, str], list[str]] = {}

    def take(match: re.Match[str]) -> str:
        blocks.setdefault((match[1], match[2]), []).append(match[3])
        return ""

    rest, end, tail = _REGISTER.sub(take, text).rpartition("endmodule")
    found = [
        f"  always @({clock})\n    if ({enable}) begin\n" + "".join(f"      {line}\n" for line in lines) + "    end\n"
        for (clock, enable), lines in blocks.items()
    ]
    return "".join([rest, *found, end, tail])


def _compile(work: Path, text: bytes, top: str, driver: str, simplify: bool) -> None:
    (work / "design.v").write_bytes(text)
    (work / "driver.cpp").write_text(driver)
    source = "design.v"
    if simplify:
        run_yosys(_FLATTEN.format(top=top), work)
        source = "model.v"
        (work / source).write_text(together((work / source).read_text()))
    flags = ["--cc", "--exe", "--prefix", "Vtop", "--Mdir", "obj", "--top-module", top, "-Wno-fatal", "-Wno-lint"]
    fast, slow = ("-O2", "-O1") if simplify else ("-O1", "-O0")
    compiler = ["-O3", "--x-assign", "0", "--x-initial", "0", "-CFLAGS", f"-fPIC {fast}", "-LDFLAGS", "-shared"]
    run_verilator([*flags, *compiler, "-o", "../model.so", source, "driver.cpp"], work)
    make = ["make", "-C", "obj", "-f", "Vtop.mk", "-j", str(os.cpu_count() or 1)]
    make += [f"OPT_FAST={fast}", f"OPT_SLOW={slow}"]
    key = " ".join(compiler + make)
    objects.lend(work / "obj", key)
    run_program(make, work, work / "make.log", verilator_environment())
    objects.keep(work / "obj", key)
    shutil.rmtree(work / "obj")
