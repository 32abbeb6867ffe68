# SPDX-License-Identifier: BSD-2-Clause
"""Turn integer accumulators into numbers of one format by the row's scale and the channel's, rounding once."""
