# SPDX-License-Identifier: BSD-2-Clause
"""The commands, one file per subject; each has ``register(app)``."""
