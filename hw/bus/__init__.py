# SPDX-License-Identifier: BSD-2-Clause
"""The byte link to a host: UART, HDLC-like framing, and the command port behind them."""
