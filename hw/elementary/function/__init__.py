# SPDX-License-Identifier: BSD-2-Clause
"""Evaluate exp, exp2, reciprocal, rsqrt, sigmoid, tanh or log2 within a certified error, one per lane and cycle."""
