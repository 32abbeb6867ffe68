# SPDX-License-Identifier: BSD-2-Clause
"""Multiply ternary matrices with vectors, thousands of weights a cycle, without multipliers: several engines, one interface."""
