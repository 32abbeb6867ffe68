# SPDX-License-Identifier: BSD-2-Clause
"""Multiply ternary matrices of any shape with vectors: blocks, padding, packed weights, scales."""
