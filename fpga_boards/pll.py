# SPDX-License-Identifier: BSD-2-Clause
"""A clock other than the oscillator's, from the PLL of an ECP5."""

from dataclasses import dataclass
from typing import Any

from amaranth import Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

# MHz; from the ECP5 data sheet (FPGA-DS-02012), the comparator's least rate as Project Trellis' ecppll has it.
COMPARED, OSCILLATES = (3.125, 400.0), (400.0, 800.0)
MOST_DIVISOR = 128


@dataclass(frozen=True)
class PllPlan:
    """Divisors of an EHXPLLL.

    The comparator runs at ``source / reference``, the output at ``feedback`` times that, the oscillator at
    ``output`` times the output.
    """

    reference: int
    feedback: int
    output: int


def plan_pll(source_hz: int, wanted_hz: int) -> PllPlan | None:
    """Find divisors that give a frequency exactly, the comparator as fast as it goes; None if there are none."""
    for reference in range(1, MOST_DIVISOR + 1):
        feedback, rest = divmod(wanted_hz * reference, source_hz)
        compared = source_hz / reference / 1e6
        if rest or not 1 <= feedback <= MOST_DIVISOR or not COMPARED[0] <= compared <= COMPARED[1]:
            continue
        middle = sum(OSCILLATES) / 2
        output = min(range(1, MOST_DIVISOR + 1), key=lambda count: abs(count * wanted_hz / 1e6 - middle))
        if OSCILLATES[0] <= output * wanted_hz / 1e6 <= OSCILLATES[1]:
            return PllPlan(reference, feedback, output)
    return None


class Ecp5Pll(wiring.Component):
    """An EHXPLLL that feeds its own output back.

    Members
    -------
    source : In(1)
        The oscillator.
    clock : Out(1)
        The other clock.
    locked : Out(1)
        The clock is steady.
    """

    def __init__(self, plan: PllPlan) -> None:
        self.plan = plan
        super().__init__({"source": In(1), "clock": Out(1), "locked": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        """Instantiate the primitive; phases and the other outputs rest."""
        m = Module()
        plan = self.plan
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=plan.reference, p_CLKFB_DIV=plan.feedback, p_CLKOP_DIV=plan.output,
            p_CLKOP_CPHASE=plan.output // 2, p_CLKOP_FPHASE=0, p_CLKOP_ENABLE="ENABLED", p_FEEDBK_PATH="CLKOP",
            p_OUTDIVIDER_MUXA="DIVA",
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
            i_CLKI=self.source, i_CLKFB=self.clock, i_RST=0, i_STDBY=0, i_PLLWAKESYNC=0, i_ENCLKOP=0,
            i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=1, i_PHASESTEP=1, i_PHASELOADREG=1,
            o_CLKOP=self.clock, o_LOCK=self.locked,
        )  # fmt: skip
        return m
