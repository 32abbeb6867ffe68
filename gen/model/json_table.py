# SPDX-License-Identifier: BSD-2-Clause
"""JSON files that users write: one clear line for what is wrong."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from gatewright.hw.core.errors import ModelError


def read_json(path: Path) -> Any:
    """Read a configuration file."""
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise ModelError(f"configuration {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ModelError(f"configuration {path} is no JSON: {error}") from None


class Table:
    """A JSON object; it knows which of its keys have been read."""

    def __init__(self, content: Any, file: str, path: str) -> None:
        self.file, self.path, self.known = file, path, set[str]()
        if not isinstance(content, dict):
            raise ModelError(f"{file}: {path or 'the file'} must be an object, not {_kind(content)}")
        self.content: dict[str, Any] = content

    def fail(self, key: str, rule: str) -> NoReturn:
        """Refuse a key."""
        raise ModelError(f"{self.file}: {self._name(key)} {rule}")

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def get(self, key: str) -> Any:
        """Give what a key holds."""
        self.known.add(key)
        if key not in self.content:
            self.fail(key, "is missing")
        return self.content[key]

    def text(self, key: str, *choices: str) -> str:
        """Give a string, one of the choices if there are any."""
        value = self.get(key)
        if not isinstance(value, str):
            self.fail(key, f"must be a string, not {_kind(value)}")
        if choices and value not in choices:
            self.fail(key, f"must be {' or '.join(choices)}, not {value!r}")
        return value

    def integer(self, key: str) -> int:
        """Give an integer."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(key, f"must be an integer, not {_kind(value)}")
        return value

    def positive(self, key: str) -> float:
        """Give a positive, finite number."""
        value = self.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.fail(key, f"must be a number, not {_kind(value)}")
        if not 0 < value < math.inf:
            self.fail(key, f"must be positive and finite, not {value}")
        return float(value)

    def power(self, key: str) -> float:
        """Give a power of two in 2**-16..1."""
        value = self.positive(key)
        if math.frexp(value)[0] != 0.5 or not 2.0**-16 <= value <= 1:
            self.fail(key, f"must be a power of two in 2**-16..1, not {value}")
        return value

    def layers(self, key: str, names: Sequence[str], count: int) -> tuple[dict[str, float], ...]:
        """Give a list of objects, one for each layer, that hold positive numbers."""
        found = []
        for table in self.tables(key):
            found.append({name: table.positive(name) for name in names})
            table.finish()
        if len(found) != count:
            self.fail(key, f"must hold an entry for each of {count} layers, not {len(found)}")
        return tuple(found)

    def some_integers(self, key: str, names: Sequence[str]) -> dict[str, int]:
        """Give an object that may hold some of these integers, and may be absent."""
        if key not in self.content:
            return {}
        table = self.table(key)
        found = {name: table.integer(name) for name in names if name in table.content}
        table.finish()
        return found

    def table(self, key: str) -> "Table":
        """Give an object."""
        return Table(self.get(key), self.file, self._name(key))

    def tables(self, key: str) -> list["Table"]:
        """Give a list of objects."""
        value = self.get(key)
        if not isinstance(value, list):
            self.fail(key, f"must be a list, not {_kind(value)}")
        return [Table(item, self.file, f"{self._name(key)}[{index}]") for index, item in enumerate(value)]

    def finish(self) -> None:
        """Refuse keys that nobody has read."""
        for key in self.content:
            if key not in self.known:
                self.fail(key, f"is unknown; known here are {', '.join(sorted(self.known))}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), f"{value!r}")
