# SPDX-License-Identifier: BSD-2-Clause
"""Parameters of the weight store."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, StrictInt

from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, beat_count

TIMES_BITS = 16  # of a port that stores of every depth share


class WeightStoreConfig(RoomConfig):
    """Hold weights on chip and play runs of words in order."""

    room: ClassVar[str] = "weight_store"

    depth: int = integer(16, 1, 1 << 16, unit="words", doc="Words in the store.")
    width: int = integer(16, 1, 8192, unit="bits", doc="Width of a word.")
    source: Literal["constant", "loaded"] = choice(
        "constant", doc="Where the words come from: `contents`, or the stream `i_load` after each start."
    )
    load_bits: int = integer(
        8, 1, 64, unit="bits", doc="Width of a load beat; a word takes width / load_bits, lowest first. Loaded only."
    )
    memory: Literal["block", "single_port"] = choice(
        "block",
        doc="`single_port`: one address, never reads and writes in one cycle, no first value. Loaded only.",
    )
    output_register: bool = flag(
        True, doc="Add the register behind the memory: one cycle more, a much shorter path out of block RAM."
    )
    contents: tuple[StrictInt, ...] = Field(
        tuple(k * k * 257 for k in range(16)),
        description="The words from address 0 on; those not given are zero. Constant only.",
    )

    def check(self) -> None:
        """Fit the contents into the store, or the load beats into its words."""
        if self.loaded:
            self.require(
                self.width % self.load_bits == 0,
                f"load_bits must divide width = {self.width}, not {self.load_bits}",
            )
            return
        self.require(self.memory == "block", "memory must be block for constant contents, not 'single_port'")
        self.require(
            len(self.contents) <= self.depth,
            f"contents must hold at most depth = {self.depth} words, not {len(self.contents)}",
        )
        wrong = next((k for k, word in enumerate(self.contents) if word < 0 or word.bit_length() > self.width), None)
        if wrong is not None:
            word = self.contents[wrong]
            self.require(
                False, f"contents[{wrong}] must lie in 0..2**{self.width} - 1, not {word}; widen it with width"
            )

    @property
    def loaded(self) -> bool:
        """Whether the words arrive through `i_load`."""
        return self.source == "loaded"

    @property
    def columns(self) -> int:
        """Load beats of a word."""
        return self.width // self.load_bits if self.loaded else 1

    @property
    def address_bits(self) -> int:
        """Bits of an address; at least one, which Verilog needs."""
        return max(1, (self.depth - 1).bit_length())

    @property
    def count_bits(self) -> int:
        """Bits of a run's length, 1 to depth."""
        return self.depth.bit_length()

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Words if they are loaded, and the commands to play them."""
        play = StreamPort(
            "i_play",
            (
                PayloadField("first", self.address_bits),
                PayloadField("count", self.count_bits),
                PayloadField("times", TIMES_BITS),
            ),
            "Play words first .. first + count * times - 1, all below depth; count and times are 1 or more.",
        )
        if not self.loaded:
            return (play,)
        beat = (PayloadField("data", self.load_bits), PayloadField("last", 1))
        return (StreamPort("i_load", beat, "Columns of the words from address 0 on; last ends the load."), play)

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """The words that are played."""
        fields = (PayloadField("data", self.width), PayloadField("last", 1))
        return (StreamPort("o", fields, "Words in order; last with each count-th of its command."),)

    @property
    def latency(self) -> int:
        """From a command to its first word: taken, read, and registered once more if asked for."""
        return 3 if self.output_register else 2

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Every load that waits goes before the first play."""
        return (beat_count(inputs["i_load"]) if self.loaded else 0) + self.latency

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """One word per cycle after the first, whatever the commands."""
        play = inputs["i_play"]
        return self.delay(inputs) + int(np.sum(play["count"] * play["times"]))
