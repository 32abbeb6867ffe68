# SPDX-License-Identifier: BSD-2-Clause
"""Between accumulators and activations: rescale, round, saturate."""
