# SPDX-License-Identifier: BSD-2-Clause
"""Attend from one token to all before it, keys and values kept on chip, one array for scores and for sums."""
