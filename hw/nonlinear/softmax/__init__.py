# SPDX-License-Identifier: BSD-2-Clause
"""Turn rows of scores into probabilities at a beat per cycle, by five published algorithms with a proven error."""
