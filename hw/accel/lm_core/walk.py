# SPDX-License-Identifier: BSD-2-Clause
"""Where in a token's results a stream of beats stands."""

from typing import Any

from amaranth import Array, Const, Module, Mux, Signal, Value

from gatewright.hw.accel.lm_core.program import Part


class Walk:
    """Count beats of a section and sections of a token; the head's results, behind all layers, are not counted.

    Parameters
    ----------
    start : Value
        A token begins.
    step : Value
        A beat passes.

    Attributes
    ----------
    number : Signal
        Sections that have passed.
    following : Signal
        The same after this cycle: the address of what a memory must show then.
    ends : Signal
        At a section's last beat.
    head : Signal
        All layers have passed.
    """

    def __init__(self, m: Module, config: Any, start: Value, step: Value, name: str) -> None:
        sections = config.sections
        self.sections, last = sections, len(sections) - 1
        total = config.layers * len(sections)
        beat = Signal(range(max(2, *(section.beats for section in sections))), name=f"{name}_beat")
        self.place = place = Signal(range(len(sections)), name=f"{name}_place")
        self.number = Signal(range(total + 1), name=f"{name}_number")
        self.following = Signal(range(total + 1), name=f"{name}_following")
        self.ends, self.head = Signal(name=f"{name}_ends"), Signal(name=f"{name}_head")
        counts = Array(Const(section.beats - 1, len(beat)) for section in sections)
        m.d.comb += [
            self.ends.eq(beat == counts[place]), self.head.eq(self.number == total),
            self.following.eq(Mux(start, 0, self.number + (step & self.ends & ~self.head))),
        ]  # fmt: skip
        m.d.sync += self.number.eq(self.following)
        with m.If(start):
            m.d.sync += [beat.eq(0), place.eq(0)]
        with m.Elif(step):
            m.d.sync += beat.eq(beat + 1)
            with m.If(self.ends):
                m.d.sync += [beat.eq(0), place.eq(Mux(place == last, 0, place + 1))]

    def at(self, *parts: Part) -> Value:
        """Tell whether the present section is one of these."""
        found = [self.place == index for index, section in enumerate(self.sections) if section.part in parts]
        either: Value = Const(0)
        for one in found:
            either = either | one
        return either
