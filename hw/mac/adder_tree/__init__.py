# SPDX-License-Identifier: BSD-2-Clause
"""Matrix-vector array: cols dot products of depth terms a cycle, each through an adder tree."""
