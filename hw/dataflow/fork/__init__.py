# SPDX-License-Identifier: BSD-2-Clause
"""Copy a stream to several outputs, each of which takes its copy when it likes."""
