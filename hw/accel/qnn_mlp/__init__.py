# SPDX-License-Identifier: BSD-2-Clause
"""A quantised MLP behind a serial port: frames in, answers out, nothing else needed on the board."""
