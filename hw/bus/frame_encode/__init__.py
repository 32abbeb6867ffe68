# SPDX-License-Identifier: BSD-2-Clause
"""Wraps packets into HDLC-like frames: flag, stuffed payload, check sequence, flag."""
