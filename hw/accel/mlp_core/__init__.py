# SPDX-License-Identifier: BSD-2-Clause
"""Runs a whole integer MLP: one GEMM engine serves all layers, weights and activations stay on the chip."""
