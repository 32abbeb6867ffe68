# SPDX-License-Identifier: BSD-2-Clause
"""Run the command line as ``python -m gatewright``."""

import sys

from gatewright.gen.cli import main

sys.exit(main())
