# SPDX-License-Identifier: BSD-2-Clause
"""Simulation models of the FPGA primitives that Yosys emits without simulating them itself."""
