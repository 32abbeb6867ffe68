# SPDX-License-Identifier: BSD-2-Clause
"""The host's end of the byte link: framing, pipes, and the driver of an accelerator."""
