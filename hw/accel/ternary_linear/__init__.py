# SPDX-License-Identifier: BSD-2-Clause
"""A ternary matrix behind a serial port: vectors in, exact sums out."""
