# SPDX-License-Identifier: BSD-2-Clause
"""The command line: ``gatewright COMMAND``."""

import sys
from importlib import import_module

import typer

import gatewright
from gatewright.gen.console import console, errors
from gatewright.hw.core.errors import GatewrightError

app = typer.Typer(
    name="gatewright",
    help="Generate, prove, build and run quantised neural networks in open hardware.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# Typer carries its own copy of click; its public subclass leads to the common base.
UsageError: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

COMMANDS = ("catalogue", "verification", "hardware", "models", "benchmarks", "tools")


def version(value: bool) -> None:
    """Print the version and leave."""
    if value:
        console.print(f"gatewright {gatewright.__version__}")
        raise typer.Exit


@app.callback()
def options(
    _version: bool = typer.Option(False, "--version", callback=version, is_eager=True, help="Print the version."),
) -> None:
    """Generate, prove, build and run quantised neural networks in open hardware."""


for _name in COMMANDS:
    import_module(f"gatewright.gen.commands.{_name}").register(app)


def main() -> int:
    """Run the command line; every user error is one line on the error stream and status 2."""
    try:
        status = app(standalone_mode=False)
    except GatewrightError as error:
        errors.print(f"error: {' '.join(str(error).split())}", soft_wrap=True, markup=False)
        return 2
    except UsageError as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        if type(error).__name__ == "NoArgsIsHelpError":
            errors.print(text, markup=False)
        else:
            errors.print(f"error: {' '.join(text.split())}", soft_wrap=True, markup=False)
        return 2
    except (typer.Abort, KeyboardInterrupt):
        errors.print("error: interrupted")
        return 130
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
