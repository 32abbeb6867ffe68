# SPDX-License-Identifier: BSD-2-Clause
"""Measurements beside those of public designs; every published number comes from a command here."""
