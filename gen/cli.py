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

COMMANDS = ("catalogue", "verification", "hardware", "models", "chat", "estimate", "benchmarks", "tools")


INTERRUPTED = 130


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


def refuse(text: str) -> int:
    """Print one line on the error stream, whatever ``text`` holds, and give status 2."""
    line = "".join(mark if mark.isprintable() else "?" for mark in " ".join(text.split()))
    errors.print(f"error: {line}", soft_wrap=True, markup=False)
    return 2


def main() -> int:
    """Run the command line; every user error is one line on the error stream and status 2."""
    try:
        status = app(standalone_mode=False)
        if status == INTERRUPTED:  # typer turns an interrupt into this status, without a word
            raise KeyboardInterrupt
    except GatewrightError as error:
        return refuse(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return refuse(f"{where}{error.strerror or error}; choose a file or folder that can be read and written")
    except UsageError as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        if type(error).__name__ == "NoArgsIsHelpError":
            errors.print(text, markup=False)
            return 2
        return refuse(text)
    except (typer.Abort, KeyboardInterrupt):
        errors.print("error: interrupted")
        return INTERRUPTED
    return status if isinstance(status, int) else 0


if __name__ == "__main__":
    sys.exit(main())
