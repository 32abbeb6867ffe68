# SPDX-License-Identifier: BSD-2-Clause
"""The hardware library: one wing per subject, one room per block."""

if __name__ != "gatewright.hw":  # a second copy of every class would follow
    raise ImportError("import gatewright.hw, not hw: the repository root must not be an import root")
