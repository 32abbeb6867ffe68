# SPDX-License-Identifier: BSD-2-Clause
"""Turns a byte stream into the payloads of its HDLC-like frames, each with a verdict at its end."""
