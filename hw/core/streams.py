# SPDX-License-Identifier: BSD-2-Clause
"""Amaranth side of the port descriptions."""

from typing import Any

from amaranth import Shape
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from gatewright.hw.core.config import RoomConfig
from gatewright.hw.core.ports import StreamPort


def layout(port: StreamPort) -> data.StructLayout:
    """Give the payload's layout: a struct of the port's fields."""
    members: dict[str, Any] = {}
    for field in port.fields:
        shape: Any = Shape(field.bits, field.signed)
        for length in reversed(field.shape):
            shape = data.ArrayLayout(shape, length)
        members[field.name] = shape
    return data.StructLayout(members)


class RoomComponent(wiring.Component):
    """A component whose ports follow from its config's `inputs` and `outputs`.

    Parameters
    ----------
    config : RoomConfig
        Checked parameters; kept as the attribute ``config``.
    extra : dict
        Further members, for pins that are no streams.
    """

    def __init__(self, config: RoomConfig, extra: dict[str, Any] | None = None) -> None:
        self.config: Any = config
        members: dict[str, Any] = {port.name: In(stream.Signature(layout(port))) for port in config.inputs}
        members |= {port.name: Out(stream.Signature(layout(port))) for port in config.outputs}
        super().__init__(members | (extra or {}))
