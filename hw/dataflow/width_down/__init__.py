# SPDX-License-Identifier: BSD-2-Clause
"""Spread wide beats over narrow ones; the inverse of width_up."""
