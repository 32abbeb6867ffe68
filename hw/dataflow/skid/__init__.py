# SPDX-License-Identifier: BSD-2-Clause
"""Two-entry buffer that registers valid, payload and ready, so that no path runs through it."""
