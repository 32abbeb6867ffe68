# SPDX-License-Identifier: BSD-2-Clause
"""Divide unsigned integers by a serial digit recurrence, a few quotient bits a cycle."""
