# SPDX-License-Identifier: BSD-2-Clause
"""One line of ``bench ternary``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gatewright.gen.bench.measure import Cost
from gatewright.gen.bench.published.tellme import LUTS
from gatewright.gen.bench.ternary_cases import BASELINE
from gatewright.gen.flow.cells import Fabric

OURS = "gatewright"


@dataclass(kw_only=True)
class Row(Cost):
    """One line of the table: ours, or a published design's.

    Attributes
    ----------
    macs : int or None
        Weights that meet activations in a cycle.
    tuned : bool
        Synthesised with the flags that suit the family.
    """

    fabric: Fabric
    point: str
    way: str
    source: str
    macs: int | None
    room: str = ""
    tuned: bool = True
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def luts(self) -> int | None:
        """LUT sites in all; on iCE40 the LUTs, since carries share their cells."""
        return self.lut_equivalent if self.lut_equivalent is not None else self.lut4

    @property
    def luts_per_mac(self) -> float | None:
        """LUT sites per weight and cycle."""
        return self.luts / self.macs if self.luts is not None and self.macs else None

    def as_json(self) -> dict[str, Any]:
        """Give the row as plain data."""
        return super().as_json() | {"luts_per_mac": self.luts_per_mac}


def under_select(row: Row, rows: Sequence[Row]) -> float | None:
    """Give how many times fewer LUTs a design takes than the cheapest baseline of its size and family."""
    if row.source != OURS:
        return LUTS[BASELINE] / row.luts if row.luts else None
    same = [r for r in rows if (r.point, r.family, r.source, r.way) == (row.point, row.family, OURS, BASELINE)]
    least = min((r.luts_per_mac for r in same if r.luts_per_mac), default=None)
    return least / row.luts_per_mac if least and row.luts_per_mac else None
