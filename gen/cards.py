# SPDX-License-Identifier: BSD-2-Clause
"""Fill the generated parts of the room cards: ports, parameters, timing, cost, kernels for HLS users."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewright.gen.design import rules
from gatewright.gen.hls.equiv import ROOMS
from gatewright.gen.registry import Room
from gatewright.hw.core.ports import StreamPort

Costs = Mapping[str, Sequence[Mapping[str, Any]]]


def fill(card: str, room: Room, costs: Costs) -> str:
    """Replace what stands between each pair of markers.

    Parameters
    ----------
    card : str
        Text of ``card.md``.
    room : Room
        The room it belongs to.
    costs : mapping
        Measured rows by room name, as `gatewright bench rooms --save` writes them.
    """
    parts = {"ports": ports(room), "parameters": parameters(room), "cost": cost(room, costs), "hls": hls(room)}
    if "<!-- generated: timing -->" in card:
        parts["timing"] = table(*room.config.timing_table())  # type: ignore[attr-defined]
    for name, text in parts.items():
        marker = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        card = marker.sub(_between(text), card)
    return card


def _between(text: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found[1] + text + found[2]


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Give a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def ports(room: Room) -> str:
    """Tabulate the streams at the default parameters."""
    config = room.config()
    rows = [_port(port, "in") for port in config.inputs] + [_port(port, "out") for port in config.outputs]
    rows += [(f"`{pin}`", "pin", "", "") for pin in getattr(config, "pins", ())]
    return table(("port", "direction", "payload at the defaults", "meaning"), rows)


def _port(port: StreamPort, direction: str) -> tuple[str, ...]:
    fields = [
        f"{f.name}{''.join(f'[{n}]' for n in f.shape)}: {'signed' if f.signed else 'unsigned'} {f.bits}"
        for f in port.fields
    ]
    return (f"`{port.name}`", direction, ", ".join(fields), port.doc)


def parameters(room: Room) -> str:
    """Tabulate the parameters with ranges, units and defaults."""
    fields = room.settings.model_fields.items()
    return table(("parameter", "meaning", "values"), [(f"`{n}`", f.description or "", rules(f)) for n, f in fields])


def cost(room: Room, costs: Costs) -> str:
    """Tabulate measured cost."""
    rows = costs.get(room.name, ())
    if not rows:
        return "Not measured yet: `gatewright bench rooms --save`.\n"
    head = ("config", "target", "LUTeq", "FF", "DSP", "BRAM", "Fmax MHz", "flags")
    keys = ("config", "target", "luteq", "ff", "dsp", "bram", "fmax", "flags")
    return table(head, [[row.get(key, "") for key in keys] for row in rows])


def hls(room: Room) -> str:
    """Say what there is for HLS users, and what was done with it."""
    text = (
        f"The same integers as C++ (ap_int, streams, pragmas) and DSLX: `gatewright generate {room.name}.toml --hls`. "
    )
    text += "State: emitted, C-simulated against the golden model, not synthesised by a vendor's tool. "
    text += "XLS' Verilog and ours agree (`pytest tests/hls`)"
    proved = "; at the widths named there they are proved equal for all inputs" if room.name in ROOMS else ""
    return f"{text}{proved}.\n"


def read_costs(path: Path) -> Costs:
    """Read the measured rows; none if the file is not there."""
    return json.loads(path.read_text())["rooms"] if path.exists() else {}
