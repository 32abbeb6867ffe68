# SPDX-License-Identifier: BSD-2-Clause
"""Multiply each element by the activation of its gate and requantise: SwiGLU, GLU, GeGLU, ReGLU."""
