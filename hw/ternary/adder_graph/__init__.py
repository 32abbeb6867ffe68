# SPDX-License-Identifier: BSD-2-Clause
"""Multiply vectors with a ternary matrix that never changes: a pipelined graph of additions with shared sums."""
