# SPDX-License-Identifier: BSD-2-Clause
"""On-chip weights, constant or loaded, played in order: one word per cycle, run after run without a gap."""
