# SPDX-License-Identifier: BSD-2-Clause
"""The list of rooms: one line each, strings only, parts imported on first use.

Other packages add rooms through the entry-point group ``gatewright.rooms``; each entry point
names a `Room`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.memory.flash_boot.image import FlashImage

Stage = Literal["draft", "functional", "verified", "synthesised", "proved", "on board"]


@dataclass(frozen=True)
class Room:
    """One block of the library.

    Attributes
    ----------
    name, wing : str
        Folder names: ``hw/<wing>/<name>``.
    stage : str
        How far its evidence goes; see the ladder in the README.
    package : str
        Root package; rooms of third parties name their own.
    mapping : str
        For accelerators: module with ``Settings``, what a user's file sets, and
        ``map_settings(settings, folder) -> (config, assets)``; perhaps ``synthesis(config, family)``, the
        options that suit the accelerator, ``notes(settings)``, lines on what was decided for the user, and
        ``flash_image(config, settings, folder)``, what the board's flash must hold for it.
    """

    name: str
    wing: str
    stage: Stage
    package: str = "gatewright"
    mapping: str = ""

    @property
    def stem(self) -> str:
        """Class name prefix: ``width_up`` gives ``WidthUp``."""
        return "".join(part.capitalize() for part in self.name.split("_"))

    @property
    def path(self) -> str:
        """Dotted path of the room's package."""
        return f"{self.package}.hw.{self.wing}.{self.name}"

    @property
    def config(self) -> type[RoomConfig]:
        """The parameter class."""
        return getattr(import_module(f"{self.path}.config"), f"{self.stem}Config")

    @property
    def settings(self) -> type[RoomConfig]:
        """What a user's file sets: the config itself, unless a model is mapped to it."""
        return import_module(self.mapping).Settings if self.mapping else self.config

    @property
    def mapper(self) -> Callable[[Any, Path], tuple[RoomConfig, dict[str, bytes]]] | None:
        """The function from settings to config; None where they are the same."""
        return import_module(self.mapping).map_settings if self.mapping else None

    def synthesis(self, config: Any, family: str) -> Any:
        """Give the synthesis options that the mapping names for a family; None if it names none."""
        name = getattr(import_module(self.mapping), "synthesis", None) if self.mapping else None
        return name(config, family) if name else None

    def notes(self, settings: Any) -> tuple[str, ...]:
        """Say what the mapping decided for the user; nothing of a bare config, where there was nothing to decide."""
        found = getattr(import_module(self.mapping), "notes", None) if self.mapping else None
        return tuple(found(settings)) if found and isinstance(settings, self.settings) else ()

    def flash_image(self, config: Any, settings: Any, folder: Path) -> FlashImage | None:
        """Give what the flash must hold for an accelerator that boots from it; None for all others."""
        found = getattr(import_module(self.mapping), "flash_image", None) if self.mapping else None
        return found(config, settings, folder) if found and isinstance(settings, self.settings) else None

    @property
    def component(self) -> Any:
        """The Amaranth component class."""
        return getattr(import_module(f"{self.path}.component"), self.stem)

    @property
    def bench(self) -> Any:
        """The bench of the room."""
        return import_module(f"{self.package}.tb.{self.wing}.tb_{self.name}").BENCH

    @property
    def summary(self) -> str:
        """The room in one sentence: the first line of its package's docstring."""
        return (import_module(self.path).__doc__ or "").strip().splitlines()[0]


ROOMS: tuple[Room, ...] = (
    Room("lm_core", "accel", "verified"),
    Room("lm_serial", "accel", "verified"),
    Room("ternary_lm", "accel", "verified", mapping="gatewright.gen.model.map_ternary_lm"),
    Room("small_lm", "accel", "verified", mapping="gatewright.gen.model.map_small_lm"),
    Room("vit_core", "accel", "functional"),
    Room("moe_vit", "accel", "functional", mapping="gatewright.gen.model.map_moe_vit"),
    Room("mlp_core", "accel", "functional"),
    Room("qnn_mlp", "accel", "functional", mapping="gatewright.gen.model.map_qnn_mlp"),
    Room("ternary_core", "accel", "verified"),
    Room("ternary_linear", "accel", "functional", mapping="gatewright.gen.model.map_ternary_linear"),
    Room("pe", "mac", "verified"),
    Room("systolic_os", "mac", "verified"),
    Room("systolic_ws", "mac", "verified"),
    Room("cube", "mac", "verified"),
    Room("broadcast", "mac", "verified"),
    Room("adder_tree", "mac", "verified"),
    Room("gemm", "mac", "verified"),
    Room("ping_pong", "memory", "verified"),
    Room("rom", "memory", "verified"),
    Room("weight_store", "memory", "verified"),
    Room("flash_boot", "memory", "verified"),
    Room("skid", "dataflow", "verified"),
    Room("fifo", "dataflow", "verified"),
    Room("fork", "dataflow", "verified"),
    Room("join", "dataflow", "verified"),
    Room("width_up", "dataflow", "verified"),
    Room("width_down", "dataflow", "verified"),
    Room("function", "elementary", "verified"),
    Room("requantise", "quantise", "verified"),
    Room("quantise_rows", "quantise", "verified"),
    Room("dequantise", "quantise", "verified"),
    Room("activation", "nonlinear", "verified"),
    Room("softmax", "nonlinear", "verified"),
    Room("gated", "nonlinear", "verified"),
    Room("norm", "nonlinear", "verified"),
    Room("mlgru", "nonlinear", "verified"),
    Room("argmax", "nonlinear", "verified"),
    Room("divide", "elementary", "verified"),
    Room("attention", "attention", "verified"),
    Room("rope", "attention", "verified"),
    Room("kv_attention", "attention", "verified"),
    Room("tlmm", "ternary", "verified"),
    Room("ternary_matvec", "ternary", "verified"),
    Room("adder_graph", "ternary", "verified"),
    Room("trit_decode", "ternary", "verified"),
    Room("trit_encode", "ternary", "verified"),
    Room("topk", "moe", "verified"),
    Room("expert_queue", "moe", "verified"),
    Room("moe_gate", "moe", "verified"),
    Room("linear", "moe", "verified"),
    Room("moe_engine", "moe", "verified"),
    Room("uart_rx", "bus", "verified"),
    Room("uart_tx", "bus", "verified"),
    Room("frame_decode", "bus", "verified"),
    Room("frame_encode", "bus", "verified"),
    Room("command_port", "bus", "verified"),
)


@cache
def rooms() -> dict[str, Room]:
    """All rooms by name, ours and those of installed extensions."""
    known = {room.name: room for room in ROOMS}
    for entry in entry_points(group="gatewright.rooms"):
        room = entry.load()
        known.setdefault(room.name, room)
    return known


def find_room(name: str) -> Room:
    """Look up a room.

    Raises
    ------
    ConfigError
        If there is none of that name; the line lists the known ones.
    """
    try:
        return rooms()[name]
    except KeyError:
        known = ", ".join(sorted(rooms()))
        raise ConfigError(f"room must be one of {known}, not {name!r}") from None
