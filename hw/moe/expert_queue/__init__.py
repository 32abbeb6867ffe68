# SPDX-License-Identifier: BSD-2-Clause
"""Sort the tokens of a sequence by the expert that they go to, and say which experts have any."""
