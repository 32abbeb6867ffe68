# SPDX-License-Identifier: BSD-2-Clause
"""Multiply vectors of octets with one ternary matrix whose weights stay on the chip."""
