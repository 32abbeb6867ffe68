# SPDX-License-Identifier: BSD-2-Clause
"""Ternary language model: one engine for all matrices, attention or a linear recurrence beside it, tokens in and out."""
