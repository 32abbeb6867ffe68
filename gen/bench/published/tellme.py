# SPDX-License-Identifier: BSD-2-Clause
"""TeLLMe's three ways to meet ternary weights (arXiv 2510.15926, section 3), as published."""

# LUTs of UltraScale+ (KV260, Vivado) at 28 groups of 3 activations of 8 bits. How many outputs a cycle is not told.
LUTS = {"select": 43_176, "half": 35_200, "full": 23_082}
