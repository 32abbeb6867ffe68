# SPDX-License-Identifier: BSD-2-Clause
"""The harness: one set of drivers, monitors and checks for every room that speaks streams."""
