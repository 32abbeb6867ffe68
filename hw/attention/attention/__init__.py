# SPDX-License-Identifier: BSD-2-Clause
"""Attend from all tokens to all, head by head, at one key and at most one query read per step however parallel."""
