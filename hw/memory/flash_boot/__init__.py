# SPDX-License-Identifier: BSD-2-Clause
"""Reads words from an SPI flash after reset, checks them by CRC, and starts over until they are right."""
