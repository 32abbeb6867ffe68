# SPDX-License-Identifier: BSD-2-Clause
"""Weight-stationary systolic array: double-buffered weights stay, partial sums walk down the columns."""
