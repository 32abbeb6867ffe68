# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the trit decoder."""

from typing import ClassVar, Literal

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.ternary.packing.groups import GroupPacking, PackingName, find_group_packing


class TritDecodeConfig(RoomConfig):
    """Decode ``groups`` codes a beat into trits of two bits: two's complement, which is (sign, nonzero)."""

    room: ClassVar[str] = "trit_decode"

    packing: PackingName = choice("base3_g3", doc="Code of a group of trits; see `hw/ternary/packing`.")
    groups: int = integer(1, 1, 256, doc="Codes per beat, all in parallel.")
    registered: Literal["trits", "codes"] = choice(
        "trits", doc="What the one register holds: codes take fewer flip-flops, trits a shorter path behind."
    )

    @property
    def code(self) -> GroupPacking:
        """The packing."""
        return find_group_packing(self.packing)

    @property
    def trits(self) -> int:
        """Trits per beat."""
        return self.groups * self.code.group

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Packed codes."""
        fields = (PayloadField("code", self.code.code_bits, shape=(self.groups,)), PayloadField("last", 1))
        return (StreamPort("i", fields, "Packed codes, the earliest weights at the least significant end."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Trits and the flag."""
        fields = (
            PayloadField("trit", 2, True, (self.trits,)), PayloadField("invalid", 1), PayloadField("last", 1),
        )  # fmt: skip
        return (StreamPort("o", fields, "Trits in weight order; `invalid` if a code of the beat is undefined."),)

    @property
    def latency(self) -> int:
        """One cycle."""
        return 1
