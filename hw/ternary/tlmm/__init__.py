# SPDX-License-Identifier: BSD-2-Clause
"""Multiply ternary matrices with vectors, exactly and without multipliers: several methods behind one interface."""
