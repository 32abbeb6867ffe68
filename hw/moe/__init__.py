# SPDX-License-Identifier: BSD-2-Clause
"""Wing of mixtures of experts: gate, queues, the linear engine that experts share, the expert engine."""
