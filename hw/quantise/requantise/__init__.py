# SPDX-License-Identifier: BSD-2-Clause
"""Turn accumulators into activations by multiplier, right shift, rounding and saturation, to a published contract."""
