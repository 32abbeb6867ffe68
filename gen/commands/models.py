# SPDX-License-Identifier: BSD-2-Clause
"""x."""
import typer


def register(app: typer.Typer) -> None:
    """Add the commands."""
