# SPDX-License-Identifier: BSD-2-Clause
"""Cuts between the core's units, so that no path of ready runs through more than one of them.

Hardly anything waits in a run, but the tools can't know: uncut, ready runs from the cache through scaling, engine and
norms to the memories of weights, through thousands of enables.
"""

from typing import Any, Literal, NamedTuple

from amaranth import Module, Value
from amaranth.lib.data import View

from gatewright.hw.dataflow.skid.component import Skid
from gatewright.hw.dataflow.skid.config import SkidConfig


class Beats(NamedTuple):
    """Either end of a cut; its payload has the fields of the stream."""

    valid: Value
    payload: Any
    ready: Value


def cut(m: Module, shape: Any, name: str, cuts: Literal["both", "ready"] = "ready") -> tuple[Beats, Beats]:
    """Give both ends of a skid buffer for payloads of a shape."""
    skid = Skid(SkidConfig(width=shape.size - 1, cuts=cuts))
    m.submodules[name] = skid
    ends = (Beats(end.valid, View(shape, end.payload.as_value()), end.ready) for end in (skid.i, skid.o))
    return next(ends), next(ends)


def after(m: Module, source: Any, name: str) -> Beats:
    """Cut a stream's ready; give what takes the stream's place."""
    begin, end = cut(m, source.payload.shape(), name)
    m.d.comb += [
        begin.valid.eq(source.valid), begin.payload.as_value().eq(source.payload.as_value()),
        source.ready.eq(begin.ready),
    ]  # fmt: skip
    return end
