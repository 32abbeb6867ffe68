# SPDX-License-Identifier: BSD-2-Clause
"""Two-dimensional array: each activation is broadcast along a row, each weight down a column."""
