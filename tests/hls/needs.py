# SPDX-License-Identifier: BSD-2-Clause
"""Tests that need the extra ``hls`` skip by name without it."""

import importlib.util

import pytest

HAS_HEADERS = importlib.util.find_spec("hls4ml") is not None  # its import would pull in what it needs
needs_headers = pytest.mark.skipif(not HAS_HEADERS, reason="no open ap_int.h: pip install gatewright[hls]")
needs_xls = pytest.mark.skipif(
    importlib.util.find_spec("xls") is None, reason="XLS is not installed: pip install gatewright[hls]"
)
