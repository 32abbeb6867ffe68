# SPDX-License-Identifier: BSD-2-Clause
"""Index and value of the greatest element of each packet, the first of equal ones."""
