# SPDX-License-Identifier: BSD-2-Clause
"""Attend from all tokens to all, head by head, reading one key and at most one query per step whatever the parallelism."""
