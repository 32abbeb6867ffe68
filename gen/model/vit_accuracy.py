# SPDX-License-Identifier: BSD-2-Clause
"""What integers cost a vision transformer: the same model file in floating point and as the integer graph."""
