# SPDX-License-Identifier: BSD-2-Clause
"""Rows times int8 or ternary matrices, with bias and scale per output: one engine for all linear layers."""
