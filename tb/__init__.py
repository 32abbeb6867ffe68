# SPDX-License-Identifier: BSD-2-Clause
"""The test bench: cocotb harness and one bench per room."""

if __name__ != "gatewright.tb":  # a second copy of every class would follow
    raise ImportError("import gatewright.tb, not tb: the repository root must not be an import root")
