# SPDX-License-Identifier: BSD-2-Clause
"""Say in common words what the families' cells are."""

import re
from collections.abc import Mapping
from typing import Literal

from gatewright.fpga_boards.board import Family

# What Yosys can map to: the boards' families, and UltraScale+, which no open program places.
Fabric = Family | Literal["xilinx"]

# First match wins; a cell that matches nothing counts as OTHER, so that none is lost.
_KINDS: dict[Fabric, tuple[tuple[str, str], ...]] = {
    "ecp5": (
        (r"LUT4", "LUT4"), (r"CCU2C", "CCU2C"), (r"TRELLIS_FF", "FF"), (r"TRELLIS_DPR16X4", "DPR16X4"),
        (r"MULT\d+X\d+D|ALU\d+B", "DSP"), (r"DP16KD|PDPW16KD", "BRAM"), (r"PFUMX|L6MUX21", "MUX"),
        (r"TRELLIS_IO|[IOB]B", "IO"),
    ),
    "ice40": (
        (r"SB_LUT4", "LUT4"), (r"SB_CARRY", "CARRY"), (r"SB_DFF\w*", "FF"), (r"SB_MAC16", "DSP"),
        (r"SB_RAM40_4K\w*", "BRAM"), (r"SB_SPRAM256KA", "SPRAM"), (r"SB_IO|SB_GB_IO", "IO"),
    ),
    "gowin": (
        (r"LUT[1-4]", "LUT4"), (r"ALU", "CARRY"), (r"(DFF|DL)\w*", "FF"), (r"RAM16\w+", "DPR16X4"),
        (r"MULT\w+|PADD\d+|ALU54D", "DSP"), (r"p?ROM\w*|SDPX?9?B|DPX?9?B|SPX?9?|SDP\w*", "BRAM"),
        (r"MUX2_LUT\d", "MUX"), (r"[IOT]+O?BUF", "IO"), (r"GND|VCC|GSR|INV", "TIE"),
    ),
    "xilinx": (
        (r"LUT[1-6]", "LUT6"), (r"CARRY[48]", "CARRY"), (r"FD[RSCP]E(_1)?|LD\w+", "FF"), (r"DSP48E\d", "DSP"),
        (r"RAM\d+[MX]\w*|SRL\w+", "LUTRAM"), (r"RAMB\d+\w*", "BRAM"), (r"URAM\w+", "URAM"), (r"MUXF[789]", "MUX"),
        (r"[IO]+BUFT?|BUFG\w*", "IO"), (r"GND|VCC|INV", "TIE"),
    ),
}  # fmt: skip

# LUTs of UltraScale+ that one memory cell takes; those not named take one.
_LUTS_OF_MEMORY = {
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM128X1S": 2,
    "RAM256X1D": 8, "RAM256X1S": 4, "RAM512X1S": 8,
}  # fmt: skip


def kind(cell: str, family: Fabric) -> str:
    """Give the common word for a cell type."""
    return next((word for pattern, word in _KINDS[family] if re.fullmatch(pattern, cell)), "OTHER")


def count_cells(cells: Mapping[str, int], family: Fabric) -> dict[str, int]:
    """Count cells by common words, and LUT sites in all as ``LUTeq``.

    A CCU2C holds two LUT sites and a DPR16X4 four. An iCE40 carry shares a cell with its LUT and adds
    none; a Gowin ALU takes a LUT's place. UltraScale+ counts LUT1 to LUT6 alike and, as ``LUTRAM``, LUTs
    that serve as memory or shift register: an inverter or a carry adds none.
    """
    counts: dict[str, int] = {}
    for cell, number in cells.items():
        word = kind(cell, family)
        takes = _LUTS_OF_MEMORY.get(cell, 1) if word == "LUTRAM" else 1
        counts[word] = counts.get(word, 0) + takes * number
    sites = counts.get("LUT4", 0) + 2 * counts.get("CCU2C", 0) + 4 * counts.get("DPR16X4", 0)
    sites += counts.get("LUT6", 0) + counts.get("LUTRAM", 0)
    if family == "gowin":
        sites += counts.get("CARRY", 0)
    counts["LUTeq"] = sites
    return counts
