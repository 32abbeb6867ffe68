# SPDX-License-Identifier: BSD-2-Clause
"""A design: a room, its parameters and a name, read from and written to TOML."""

import json
import re
import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gatewright.gen.registry import Room, find_room
from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.memory.flash_boot.image import FlashImage

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Design:
    """What the user asked for.

    Attributes
    ----------
    name : str
        The user's name for it; names files and modules.
    room : Room
        What is built.
    config : RoomConfig
        The room's parameters.
    settings : RoomConfig
        What the user's file sets: the same, or for an accelerator the geometry and the model
        that were mapped to ``config``.
    assets : mapping
        Files that belong to the settings (a model), by name.
    folder : Path
        What paths in the settings are relative to.
    """

    name: str
    room: Room
    config: Any
    settings: RoomConfig
    assets: Mapping[str, bytes] = field(default_factory=dict)
    folder: Path = Path()

    @property
    def top(self) -> str:
        """Name of the top Verilog module."""
        return f"gatewright_{self.name.replace('-', '_')}"

    @property
    def flash(self) -> FlashImage | None:
        """What the board's flash must hold behind the bitstream; None if the design reads no flash."""
        return self.room.flash_image(self.config, self.settings, self.folder)

    def build(self) -> Any:
        """Make the Amaranth component."""
        return self.room.component(self.config)

    def to_toml(self) -> str:
        """Give the design as TOML, every parameter spelled out."""
        head = f"room = {_value(self.room.name)}\nname = {_value(self.name)}\n\n"
        return head + _table(self.settings, "parameters", comments=False)


def design_of(room: str, name: str | None = None, folder: Path = Path(), /, **parameters: Any) -> Design:
    """Make a design from a room's name and its parameters; paths in them are relative to ``folder``."""
    found = find_room(room)
    settings = found.settings(**parameters)
    if found.mapper is None:
        return Design(name or room, found, settings, settings)
    config, assets = found.mapper(settings, folder)
    return Design(name or room, found, config, settings, assets, folder)


def read_values(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        One line naming the file and what is wrong with it.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise ConfigError(f"config file {path} does not exist; `gatewright new ROOM > {path}` writes one") from None
    except OSError as error:
        raise ConfigError(f"config file {path} can't be read: {error.strerror}; give the path of a TOML file") from None
    except ValueError:
        raise ConfigError(f"config file {path} is not TOML: not UTF-8 text; give the path of a TOML file") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config file {path} is not TOML: {error}") from None


def parse_design(values: dict[str, Any], where: str, default_name: str, folder: Path = Path()) -> Design:
    """Check the outer keys of a config, then its parameters."""
    unknown = sorted(set(values) - {"room", "name", "parameters"})
    if unknown:
        raise ConfigError(f"{where}: {unknown[0]} is not a key; known keys are name, parameters, room")
    if "room" not in values:
        raise ConfigError(f"{where}: room is missing; name one of those that `gatewright list` shows")
    if not isinstance(values["room"], str):
        raise ConfigError(f"{where}: room must be a name that `gatewright list` shows, not {values['room']!r}")
    name = checked_name(values.get("name", default_name), where)
    parameters = values.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ConfigError(f"{where}: parameters must be a table [parameters], not {parameters!r}")
    return design_of(values["room"], name, folder, **parameters)


def checked_name(name: Any, where: str) -> str:
    """Refuse a design name that could not name files and modules."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: name must be lower-case letters, digits, - and _, at most 63, a letter first, not {name!r}"
        )
    return name


def template(room: Room, name: str | None = None) -> str:
    """Give a commented config with every parameter, its unit, range and default."""
    name = checked_name(room.name if name is None else name, "new")
    head = f"# {room.summary}\nroom = {_value(room.name)}\nname = {_value(name)}\n\n"
    return head + _table(room.settings(), "parameters", comments=True)


def _table(config: BaseModel, title: str, comments: bool) -> str:
    lines = [f"[{title}]"]
    nested = ""
    for name, info in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            about = "".join(f"{line}\n" for line in _comment(info)) if comments else ""
            nested += f"\n{about}" + _table(value, f"{title}.{name}", comments)
            continue
        if value is None:
            continue
        if comments:
            lines += _comment(info)
        lines.append(f"{name} = {_value(value)}")
    return "\n".join(lines) + "\n" + nested


def _comment(field: FieldInfo) -> list[str]:
    facts = rules(field)
    text = " ".join(filter(None, [field.description, f"({facts})" if facts else ""]))
    return [f"# {line}" for line in textwrap.wrap(text, 96)]


def rules(field: FieldInfo) -> str:
    """Say what a field may hold: range and unit, or the names."""
    bounds = {key: getattr(item, key) for item in field.metadata for key in ("ge", "le") if hasattr(item, key)}
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    names = [str(name) for name in get_args(field.annotation) if isinstance(name, str)]
    parts = []
    if bounds:
        parts.append(f"{bounds.get('ge', '')}..{bounds.get('le', '')} {extra.get('unit', '')}".strip())
    if names:
        parts.append(" | ".join(names))
    if field.annotation is bool:
        parts.append("true | false")
    if isinstance(field.annotation, type) and issubclass(field.annotation, RoomConfig):
        parts.append(f"parameters of {field.annotation.room}")
    elif not field.is_required():
        parts.append(f"default {_value(field.get_default(call_default_factory=True))}")
    return ", ".join(parts)


def _value(value: Any) -> str:
    """Write one TOML value."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, BaseModel):
        return "{ " + ", ".join(f"{name} = {_value(getattr(value, name))}" for name in type(value).model_fields) + " }"
    return json.dumps(value)
