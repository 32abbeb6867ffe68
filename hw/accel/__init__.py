# SPDX-License-Identifier: BSD-2-Clause
"""Whole accelerators: they compose rooms and own little logic."""
