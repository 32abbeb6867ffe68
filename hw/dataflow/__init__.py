# SPDX-License-Identifier: BSD-2-Clause
"""Stream plumbing: buffers, fan-out, fan-in, width change."""
