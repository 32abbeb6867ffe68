# SPDX-License-Identifier: BSD-2-Clause
"""Double-buffered tile store: one tile fills while the other is read, as often as wanted."""
