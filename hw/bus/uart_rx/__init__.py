# SPDX-License-Identifier: BSD-2-Clause
"""Receives octets from an asynchronous serial line, 8N1."""
