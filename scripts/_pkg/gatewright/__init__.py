# SPDX-License-Identifier: BSD-2-Clause
"""Open hardware generation for quantised neural networks."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("gatewright")
except PackageNotFoundError:  # imported from a source tree that was never installed
    __version__ = "0+unknown"
