# SPDX-License-Identifier: BSD-2-Clause
"""What every room shares: errors, the config base class, port descriptions, number formats."""
