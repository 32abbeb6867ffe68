# SPDX-License-Identifier: BSD-2-Clause
"""Boards: pins, clocks and devices, as data."""

if __name__ != "gatewright.fpga_boards":  # a second copy of every class would follow
    raise ImportError("import gatewright.fpga_boards, not fpga_boards: the repository root must not be an import root")
