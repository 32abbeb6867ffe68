# SPDX-License-Identifier: BSD-2-Clause
"""A set of experts that is filled in any order and read in ascending order."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Walk(wiring.Component):
    """Collect experts, then give them one by one; the next may come in every cycle.

    Parameters
    ----------
    experts : int
        Experts there are.

    Members
    -------
    mark, close, expert : In
        With ``mark``, put an expert into the set; with ``close``, too, it is the last one and reading begins.
        ``expert`` has one bit for each expert, one of them set.
    busy : Out(1)
        From then on until the last one has been taken; no ``mark`` meanwhile.
    known : Out(1)
        ``expert`` is in the set. Only while not ``busy``.
    take : In(1)
        Go on to the next one.
    valid, o_expert, o_last : Out
        The expert that is read, and whether no other is left.
    """

    def __init__(self, experts: int) -> None:
        bits = (experts - 1).bit_length()
        self.experts = experts
        super().__init__({
            "mark": In(1), "close": In(1), "expert": In(experts), "busy": Out(1), "known": Out(1),
            "take": In(1), "valid": Out(1), "o_expert": Out(bits), "o_last": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: Any) -> Module:
        """Split the lowest one off the set; a carry chain finds it."""
        m = Module()
        waiting, rest, lowest = Signal(self.experts), Signal(self.experts), Signal(self.experts)
        number, single = Signal(len(self.o_expert), reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            rest.eq(waiting & (waiting - 1)),
            lowest.eq(waiting & ~rest),
            self.known.eq((waiting & self.expert).any()),
            self.o_expert.eq(number),
            self.o_last.eq(single),
        ]
        step = self.busy & (~self.valid | self.take)
        with m.If(self.mark):
            m.d.sync += self.busy.eq(self.close)
        with m.If(self.mark | step):  # take comes late: it only enables
            m.d.sync += waiting.eq(Mux(self.busy, rest, waiting | self.expert))
        with m.If(step):
            m.d.sync += [
                self.valid.eq(waiting.any()),
                single.eq(~rest.any()),
                number.eq(Cat(_any_with(lowest, bit) for bit in range(len(number)))),
            ]
            with m.If(self.valid & single):
                m.d.sync += self.busy.eq(0)
        return m


def _any_with(one_hot: Signal, bit: int) -> Any:
    """Give a bit of the number of the set position."""
    return Cat(one_hot[k] for k in range(len(one_hot)) if k >> bit & 1).any()
