# SPDX-License-Identifier: BSD-2-Clause
"""Wing of softmax, activations, gated units and norms."""
