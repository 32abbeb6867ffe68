# SPDX-License-Identifier: BSD-2-Clause
"""The base class of every room's parameters."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.ports import Beats, StreamPort, beat_count


def integer(default: int, low: int, high: int, *, doc: str, unit: str = "") -> Any:
    """Declare an integer parameter in ``low..high``."""
    return Field(default, ge=low, le=high, strict=True, description=doc, json_schema_extra={"unit": unit})


def flag(default: bool, *, doc: str) -> Any:
    """Declare a yes-or-no parameter."""
    return Field(default, strict=True, description=doc)


def choice(default: str, *, doc: str) -> Any:
    """Declare a parameter whose values are named; annotate it with ``Literal``."""
    return Field(default, description=doc)


def part(default: BaseModel, *, doc: str) -> Any:
    """Declare the parameters of a room within this one."""
    return Field(default, description=doc)


def real(default: float, low: float, high: float, *, doc: str) -> Any:
    """Declare a real parameter in ``low..high``."""
    return Field(default, ge=low, le=high, strict=True, description=doc)


class RoomConfig(BaseModel):
    """Parameters of one room, checked on construction and immutable afterwards.

    A subclass adds fields (see `integer`, `real`, `flag`, `choice`, `part`), cross-field checks in `check`,
    derived widths as properties, its ports, and its timing contract.

    Raises
    ------
    ConfigError
        One line naming the field, the rule and the value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    room: ClassVar[str] = ""

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ConfigError(explain(type(self), error)) from None
        self.check()

    def __reduce__(self) -> tuple[partial[Self], tuple[()]]:
        """Pickle parameters only, in their order: a build knows by the bytes whether its check has run."""
        return partial(type(self), **{name: getattr(self, name) for name in type(self).model_fields}), ()

    def check(self) -> None:
        """Check rules that involve several fields; raise through `require`."""

    def require(self, condition: bool, rule: str) -> None:
        """Raise a `ConfigError` that starts with the room's name unless ``condition`` holds."""
        if not condition:
            raise ConfigError(f"{self.room}.{rule}")

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Input streams, in the order of the Verilog ports."""
        raise NotImplementedError

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Output streams, in the order of the Verilog ports."""
        raise NotImplementedError

    @property
    def latency(self) -> int:
        """Cycles from the first input transfer to the first output transfer, nothing stalling."""
        raise NotImplementedError

    @property
    def interval(self) -> int:
        """Initiation interval: cycles from one input beat to the next in steady state."""
        return 1

    @property
    def quiet(self) -> int:
        """Most cycles in which nothing is taken or given though both ends are willing."""
        return self.latency

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the first output transfer, nothing stalling.

        Rooms that must hear a whole packet before they answer override it.
        """
        return self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles from the first input transfer to the last output transfer, both included.

        Holds when every input is valid from the first cycle on and no output stalls. Rooms
        whose output rate differs from their input rate override it.
        """
        beats = max(beat_count(inputs[port.name]) for port in self.inputs)
        return self.latency + (beats - 1) * self.interval + 1


def explain(config: type[BaseModel], error: ValidationError) -> str:
    """Turn a pydantic report into one line for its most telling error."""
    found = error.errors(include_url=False)
    # A misspelt name explains more than the name that is missing for it.
    first = next((item for item in found if item["type"] == "extra_forbidden"), found[0])
    path = ".".join([getattr(config, "room", "") or config.__name__, *(str(part) for part in first["loc"])])
    value = first.get("input")
    match first["type"]:
        case "greater_than_equal" | "less_than_equal":
            low, high = _bounds(config, first["loc"])
            return f"{path} must lie in {low}..{high}, not {value}"
        case "literal_error":
            return f"{path} must be one of {_names(config, first['loc'])}, not {value!r}"
        case "extra_forbidden":
            known = ", ".join(sorted(_owner(config, first["loc"]).model_fields))
            return f"{path} is not a parameter; known parameters are {known}"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"{path} must be a whole number, not {value!r}"
        case "bool_type" | "bool_parsing":
            return f"{path} must be true or false, not {value!r}"
        case "missing":
            return f"{path} is missing; it has no default"
        case "value_error":  # a nested room's config refused; its own line says it best
            return f"{path}: {first['ctx']['error']}"
    return f"{path}: {first['msg']}, not {value!r}"


def _owner(config: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    for part in path[:-1]:
        field = config.model_fields.get(str(part))
        if field is None:  # an index into a list of tables: its table is known already
            continue
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                config = kind
    return config


def _bounds(config: type[BaseModel], path: Sequence[int | str]) -> tuple[Any, Any]:
    owner = _owner(config, path)
    field = owner.model_fields.get(str(path[-1]))
    bounds: dict[str, Any] = {}
    for item in field.metadata if field else ():
        bounds |= {name: getattr(item, name) for name in ("ge", "le") if hasattr(item, name)}
    return bounds.get("ge", "-inf"), bounds.get("le", "inf")


def _names(config: type[BaseModel], path: Sequence[int | str]) -> str:
    field = _owner(config, path).model_fields.get(str(path[-1]))
    names = get_args(field.annotation) if field else ()
    return ", ".join(str(name) for name in names)
