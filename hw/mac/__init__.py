# SPDX-License-Identifier: BSD-2-Clause
"""Multiply-accumulate: processing elements, arrays of every shape, and the GEMM engine."""
