# SPDX-License-Identifier: BSD-2-Clause
"""A ternary language model behind a serial port: tokens in, tokens out."""
