# SPDX-License-Identifier: BSD-2-Clause
"""Scale every row by its own largest magnitude and round to few bits, exactly, ties to even."""
