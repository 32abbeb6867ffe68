# SPDX-License-Identifier: BSD-2-Clause
"""Language model through one multiplier and one memory, for small parts."""
