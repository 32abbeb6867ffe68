# SPDX-License-Identifier: BSD-2-Clause
"""GEMM engine: requantised or raw product of two matrices of any shape, on the array of your choice."""
