# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the trit encoder."""

from typing import ClassVar

from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.ports import PayloadField, StreamPort
from gatewright.hw.ternary.packing.groups import GroupPacking, PackingName, find_group_packing


class TritEncodeConfig(RoomConfig):
    """Pack ``groups`` groups of trits a beat; the inverse of `trit_decode`."""

    room: ClassVar[str] = "trit_encode"

    packing: PackingName = choice("base3_g3", doc="Code of a group of trits; see `hw/ternary/packing`.")
    groups: int = integer(1, 1, 256, doc="Codes per beat, all in parallel.")

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
        """Trits."""
        fields = (PayloadField("trit", 2, True, (self.trits,)), PayloadField("last", 1))
        return (StreamPort("i", fields, "Trits in weight order, two's complement; -2 is no trit."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Packed codes and the flag."""
        fields = (
            PayloadField("code", self.code.code_bits, shape=(self.groups,)), PayloadField("invalid", 1),
            PayloadField("last", 1),
        )  # fmt: skip
        return (StreamPort("o", fields, "Packed codes; `invalid` if a trit of the beat was -2, which packs as 0."),)

    @property
    def latency(self) -> int:
        """One cycle."""
        return 1
