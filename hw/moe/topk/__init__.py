# SPDX-License-Identifier: BSD-2-Clause
"""The k greatest scores of every row, best first, in the order in which a stable sort would give them."""
