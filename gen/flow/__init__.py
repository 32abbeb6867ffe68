# SPDX-License-Identifier: BSD-2-Clause
"""From Verilog to a bitstream on a board: synthesis, place and route, packing, reports, flashing."""
