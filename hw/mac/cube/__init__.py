# SPDX-License-Identifier: BSD-2-Clause
"""Three-dimensional array: rows x cols dot products of depth terms each, accumulated over a packet."""
