# SPDX-License-Identifier: BSD-2-Clause
"""Published approximations of nonlinear functions, re-implemented in integers from their formulas.

They are baselines: each module says what its publication states and what had to be assumed. None of
them shares code with our rooms.
"""
