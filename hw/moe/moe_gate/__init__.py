# SPDX-License-Identifier: BSD-2-Clause
"""Gate of a mixture of experts: scores of a token by a linear layer, their softmax, the best few with their weights."""
