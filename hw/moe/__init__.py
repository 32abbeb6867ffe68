# SPDX-License-Identifier: BSD-2-Clause
"""Wing of mixtures of experts: which experts a token goes to, and which tokens an expert gets."""
