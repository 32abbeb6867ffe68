# SPDX-License-Identifier: BSD-2-Clause
"""Pack trits into codes, and flag patterns that are no trit."""
