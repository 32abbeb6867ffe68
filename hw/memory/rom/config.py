# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the table."""

from typing import ClassVar

from pydantic import Field, StrictInt

from gatewright.hw.core.config import RoomConfig, flag, integer
from gatewright.hw.core.ports import PayloadField, StreamPort


class RomConfig(RoomConfig):
    """Look up ``contents[address]`` in a memory with synchronous read."""

    room: ClassVar[str] = "rom"

    depth: int = integer(16, 2, 65536, unit="words", doc="Words in the table.")
    width: int = integer(8, 1, 512, unit="bits", doc="Width of a word.")
    signed: bool = flag(False, doc="Words are two's complement.")
    output_register: bool = flag(
        False, doc="Add the register behind the memory: one cycle more, a much shorter path out of block RAM."
    )
    contents: tuple[StrictInt, ...] = Field(
        (0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121, 144, 169, 196, 225),
        description="The words from address 0 on; those not given are zero.",
    )

    def check(self) -> None:
        """Fit the contents into the table and into its words."""
        self.require(
            len(self.contents) <= self.depth,
            f"contents must hold at most depth = {self.depth} words, not {len(self.contents)}",
        )
        word = self.outputs[0].field("data")
        for address, value in enumerate(self.contents):
            self.require(
                word.low <= value <= word.high,
                f"contents[{address}] must lie in {word.low}..{word.high}, not {value}; widen it with width",
            )

    @property
    def address_bits(self) -> int:
        """Width of an address."""
        return (self.depth - 1).bit_length()

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Addresses."""
        fields = (PayloadField("address", self.address_bits), PayloadField("last", 1))
        return (StreamPort("i", fields, "Addresses below depth."),)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Words, one per address."""
        fields = (PayloadField("data", self.width, signed=self.signed), PayloadField("last", 1))
        return (StreamPort("o", fields, "The words at these addresses, in order."),)

    @property
    def latency(self) -> int:
        """One cycle for the read, one for the output register if there is one."""
        return 2 if self.output_register else 1
