# SPDX-License-Identifier: BSD-2-Clause
"""Table of constants: addresses in, words out, one per cycle."""
