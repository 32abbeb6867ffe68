# SPDX-License-Identifier: BSD-2-Clause
"""Output-stationary systolic array: operands walk between neighbours, sums stay until they are done."""
