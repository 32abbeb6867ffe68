# SPDX-License-Identifier: BSD-2-Clause
"""Queue of any depth, in registers or in block RAM."""
