# SPDX-License-Identifier: BSD-2-Clause
"""Choosing how ternary weights meet activations: costs fitted to synthesis, and the cheapest method by family."""
