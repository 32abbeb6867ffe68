# SPDX-License-Identifier: BSD-2-Clause
"""A vision transformer with mixtures of experts behind a serial port: image in, class and routes out."""
