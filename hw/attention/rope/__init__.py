# SPDX-License-Identifier: BSD-2-Clause
"""Rotary positions: turn pairs of features by angles that grow with the token's position."""
