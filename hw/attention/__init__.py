# SPDX-License-Identifier: BSD-2-Clause
"""Wing of attention: scores, softmax and weighted sums in one engine."""
