# SPDX-License-Identifier: BSD-2-Clause
"""Kernels for HLS users: packages, C simulation, the open XLS route, and proofs against our own RTL."""
