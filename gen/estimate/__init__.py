# SPDX-License-Identifier: BSD-2-Clause
"""Say how a language model would run on a device: what it takes, how fast it is, and what bounds it."""
