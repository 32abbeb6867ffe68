# SPDX-License-Identifier: BSD-2-Clause
"""Sends octets over an asynchronous serial line, 8N1, back to back without a gap."""
