# SPDX-License-Identifier: BSD-2-Clause
"""Answers the host's commands: hands inputs to an accelerator, results and facts to the host."""
