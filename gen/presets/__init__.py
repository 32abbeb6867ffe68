# SPDX-License-Identifier: BSD-2-Clause
"""Ready-made designs, shipped inside the package: configs, models, held-out data."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from gatewright.fpga_boards.registry import find_board
from gatewright.gen.design import Design, parse_design, read_values
from gatewright.hw.core.errors import BoardError, ConfigError


def folder() -> Path:
    """Give the folder of the presets."""
    return Path(str(files(__name__)))


def presets() -> dict[str, str]:
    """Names of the presets, each with its first comment line."""
    found = {}
    for path in sorted(folder().glob("*.toml")):
        first = path.read_text().splitlines()[0]
        found[path.stem] = first.lstrip("# ").strip()
    return found


def load_design(config: str, board: str | None = None) -> Design:
    """Read a design from a config file, or a preset by name.

    Parameters
    ----------
    config : str
        Path of a TOML file, or a preset's name.
    board : str, optional
        Board whose table ``[board.NAME]`` overrides parameters.

    Raises
    ------
    ConfigError, BoardError
        One line naming what is wrong and what is allowed.
    """
    path = Path(config)
    if path.suffix != ".toml" and not path.exists():
        path = folder() / f"{config}.toml"
        if not path.exists():
            raise ConfigError(
                f"config {config!r} is neither a file nor a preset; files end in .toml, "
                f"presets are {', '.join(presets())}"
            )
    values = read_values(path)
    overrides = values.pop("board", {})
    if not isinstance(overrides, dict) or not all(isinstance(table, dict) for table in overrides.values()):
        raise ConfigError(f"{path}: board must hold one table per board, [board.NAME]")
    for name in (*overrides, *filter(None, [board])):
        find_board(name)
    if board is not None and overrides:
        if board not in overrides:
            known = ", ".join(sorted(overrides))
            raise BoardError(f"{path.name} has no settings for board {board!r}; it has {known}")
        base = values.get("parameters", {})
        if isinstance(base, dict):  # parse_design refuses anything else
            values["parameters"] = merge(base, overrides[board])
    return parse_design(values, str(path), path.stem, path.parent)


def merge(base: Any, changes: Any) -> Any:
    """Lay one table over another, tables inside them included."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {key: merge(base.get(key), value) for key, value in changes.items()}

