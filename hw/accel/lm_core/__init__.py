# SPDX-License-Identifier: BSD-2-Clause
"""Ternary language model: one table-lookup engine, attention or a linear recurrence beside it, tokens in and out."""
