# SPDX-License-Identifier: BSD-2-Clause
"""RMSNorm and LayerNorm of integer rows, to a fixed output scale or with the next layer's quantisation fused in."""
