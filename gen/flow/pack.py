# SPDX-License-Identifier: BSD-2-Clause
"""Pack a routed design into a bitstream; equal layouts give equal bytes."""

from pathlib import Path

from gatewright.fpga_boards.board import Part
from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import find_program, run_program


def pack(layout: Path, part: Part, name: str, workdir: Path) -> Path:
    """Write ``workdir/<name><suffix>``.

    Parameters
    ----------
    layout : Path
        What nextpnr wrote for the packer: ``PlaceResult.layout``.
    name : str
        Name of the bitstream, without suffix.

    Raises
    ------
    ToolError
        If the packer fails or leaves an empty file.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    source = workdir / layout.name
    if source.resolve() != layout.resolve():
        source.write_bytes(layout.read_bytes())
    out = name + part.suffix
    arguments = {
        "ecp5": ["yowasp-ecppack", *part.packer, "--compress", source.name, out],
        "ice40": ["yowasp-icepack", *part.packer, source.name, out],
        "gowin": ["gowin_pack", *part.packer, "-o", out, source.name],
    }[part.family]
    run_program([find_program(arguments[0]), *arguments[1:]], workdir, workdir / "pack.log")
    if not (workdir / out).is_file() or not (workdir / out).stat().st_size:
        raise ToolError(f"{arguments[0]} wrote no bitstream; see {workdir / 'pack.log'}")
    return workdir / out
