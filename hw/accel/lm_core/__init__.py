# SPDX-License-Identifier: BSD-2-Clause
"""Ternary language model: one engine for all matrices, attention or a recurrence beside it, tokens in and out."""
