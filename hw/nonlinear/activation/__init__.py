# SPDX-License-Identifier: BSD-2-Clause
"""Apply GELU, SiLU, sigmoid, tanh, ReLU or its square to each element: the nearest code, or a stated error."""
