# SPDX-License-Identifier: BSD-2-Clause
"""Vision transformer with mixtures of experts: one linear engine, attention beside it, octets in and out."""
