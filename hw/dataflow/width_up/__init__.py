# SPDX-License-Identifier: BSD-2-Clause
"""Gather narrow beats into wide ones, flushing at packet ends."""
