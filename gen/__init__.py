# SPDX-License-Identifier: BSD-2-Clause
"""The front desk: registry, command line, emission, flows, models."""

if __name__ != "gatewright.gen":  # a second copy of every class would follow
    raise ImportError("import gatewright.gen, not gen: the repository root must not be an import root")
