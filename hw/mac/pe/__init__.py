# SPDX-License-Identifier: BSD-2-Clause
"""Processing element: one multiply-accumulate per cycle, one sum per packet."""
