# SPDX-License-Identifier: BSD-2-Clause
"""Language model accelerator for small parts: serial line, command port, serial core, constants from SPI flash."""
