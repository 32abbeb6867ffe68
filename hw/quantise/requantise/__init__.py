# SPDX-License-Identifier: BSD-2-Clause
"""Scale accumulators by multiplier and right shift, round, add the zero point, saturate: a published contract, bit for bit."""
