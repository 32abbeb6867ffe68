# SPDX-License-Identifier: BSD-2-Clause
"""C simulation of a package with a plain compiler and the open ``ap_int.h`` of the hls4ml wheel."""

import importlib.util
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import run_program

FLAGS = ("-std=c++14", "-O1", "-Wno-unknown-pragmas")
_SAID = re.compile(r"(\d+) of (\d+) frames equal")


def find_headers() -> Path:
    """Find the folder of ``ap_int.h``, without an import of the package that has it.

    Raises
    ------
    ToolError
        If the package is not installed.
    """
    spec = importlib.util.find_spec("hls4ml")
    places = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    for place in places:
        folder = place / "templates" / "vivado" / "ap_types"
        if (folder / "ap_int.h").exists():
            return folder
    raise ToolError("ap_int.h was not found; install it with `pip install gatewright[hls]`")


def missing() -> str:
    """Say what keeps us from a C simulation; nothing if all is there."""
    if shutil.which("g++") is None:
        return "program g++ was not found; install it with: apt-get install g++"
    try:
        find_headers()
    except ToolError as error:
        return str(error)
    return ""


def simulate(folder: Path, name: str) -> tuple[int, int]:
    """Compile and run the testbench of a package on disk, and leave nothing behind.

    Returns
    -------
    tuple of int
        Frames that are equal, and frames.
    """
    if reason := missing():
        raise ToolError(reason)
    headers = find_headers()
    with tempfile.TemporaryDirectory(prefix="gatewright-") as scratch:
        program = f"{scratch}/csim"
        sources = [f"{name}_top.cpp", f"{name}_tb.cpp"]
        run_program(["g++", *FLAGS, "-Icsim", f"-I{headers}", *sources, "-o", program], folder)
        done = subprocess.run([program], cwd=folder, text=True, capture_output=True, check=False)
    found = _SAID.search(done.stdout)
    if found is None:
        raise ToolError(f"C simulation of {name} failed: {(done.stderr or done.stdout).strip()[:300]}")
    return int(found[1]), int(found[2])
