# SPDX-License-Identifier: BSD-2-Clause
"""Compiled simulation driven in bulk: whole streams or whole byte exchanges per call, no per-cycle Python."""
