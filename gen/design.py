# SPDX-License-Identifier: BSD-2-Clause
"""A design: a room, its parameters and a name, read from and written to TOML."""

import json
import re
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gatewright.gen.registry import Room, find_room
from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.errors import ConfigError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Design:
    """What the user asked for."""

    name: str
    room: Room
    config: RoomConfig

    @property
    def top(self) -> str:
        """Name of the top Verilog module."""
        return f"gatewright_{self.name.replace('-', '_')}"

    def build(self) -> Any:
        """Make the Amaranth component."""
        return self.room.component(self.config)

    def to_toml(self) -> str:
        """Give the design as TOML, every parameter spelled out."""
        return f"room = {_value(self.room.name)}\nname = {_value(self.name)}\n\n" + _table(
            self.config, "parameters", comments=False
        )


def design_of(room: str, name: str | None = None, **parameters: Any) -> Design:
    """Make a design from a room's name and its parameters."""
    found = find_room(room)
    return Design(name or room, found, found.config(**parameters))


def read_design(path: Path) -> Design:
    """Read a design from a TOML file.

    Raises
    ------
    ConfigError
        One line naming the file or the field, the rule and the value.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise ConfigError(f"config file {path} does not exist; `gatewright new ROOM > {path}` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"config file {path} can't be read: {error}") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"config file {path} is not TOML: {error}") from None
    return parse_design(values, str(path), path.stem)


def parse_design(values: dict[str, Any], where: str, default_name: str) -> Design:
    """Check the outer keys of a config, then its parameters."""
    unknown = sorted(set(values) - {"room", "name", "parameters"})
    if unknown:
        raise ConfigError(f"{where}: {unknown[0]} is not a key; known keys are name, parameters, room")
    if not isinstance(values.get("room"), str):
        raise ConfigError(f"{where}: room is missing; name one of those that `gatewright list` shows")
    name = values.get("name", default_name)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: name must be lower-case letters, digits, - and _, starting with a letter, not {name!r}"
        )
    parameters = values.get("parameters", {})
    if not isinstance(parameters, dict):
        raise ConfigError(f"{where}: parameters must be a table [parameters], not {parameters!r}")
    return design_of(values["room"], name, **parameters)


def template(room: Room, name: str | None = None) -> str:
    """Give a commented config with every parameter, its unit, range and default."""
    head = f"# {room.summary}\nroom = {_value(room.name)}\nname = {_value(name or room.name)}\n\n"
    return head + _table(room.config(), "parameters", comments=True)


def _table(config: BaseModel, title: str, comments: bool) -> str:
    lines = [f"[{title}]"]
    nested = ""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            nested += "\n" + _table(value, f"{title}.{name}", comments)
            continue
        if value is None:
            continue
        if comments:
            lines += _comment(field)
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
    if not field.is_required():
        parts.append(f"default {_value(field.get_default(call_default_factory=True))}")
    return ", ".join(parts)


def _value(value: Any) -> str:
    """Write one TOML value."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return json.dumps(value)
