# SPDX-License-Identifier: BSD-2-Clause
"""Wing of ternary weights: packings, table-lookup matmul engines, and matrix-vector units around them."""
