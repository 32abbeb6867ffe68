# SPDX-License-Identifier: BSD-2-Clause
"""Wing of elementary functions: a planner that certifies its tables, and the rooms built on it."""
