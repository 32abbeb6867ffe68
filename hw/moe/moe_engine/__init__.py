# SPDX-License-Identifier: BSD-2-Clause
"""Mixture of experts, expert by expert: each used expert's weights come once, its tokens are gathered and scattered."""
