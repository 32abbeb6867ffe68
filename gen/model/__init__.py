# SPDX-License-Identifier: BSD-2-Clause
"""Models: read a quantised network, hold it as exact integers, run it, measure it."""
