# SPDX-License-Identifier: BSD-2-Clause
"""``doctor``: which tools are there, and what brings the missing ones."""

from typing import Annotated

import typer

from gatewright.gen.console import console, show_json, show_table
from gatewright.gen.flow import doctor as tools


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Say which tools are found, their versions, and the one command that repairs what is missing."""
    findings = tools.examine()
    if as_json:
        show_json(tools.as_json(findings))
    else:
        rows = [
            (
                finding.tool.name,
                "yes" if finding.found else ("MISSING" if finding.tool.needed else "missing, optional"),
                finding.version,
                finding.tool.purpose,
            )
            for finding in findings
        ]
        show_table("Tools", ("tool", "found", "version", "for"), rows)
        for command in tools.repairs(findings):
            console.print(f"repair: {command}", markup=False, soft_wrap=True)
    if not tools.healthy(findings):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)
