# SPDX-License-Identifier: BSD-2-Clause
"""Parameters and timing of command_port."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from gatewright.hw.bus.protocol import HEADER_BYTES, INFO_BYTES, Command, Info
from gatewright.hw.core.config import RoomConfig, flag, integer
from gatewright.hw.core.ports import Beats, PayloadField, StreamPort, packets

_OCTET = PayloadField("data", 8)
_LAST = PayloadField("last", 1)
_GOOD = PayloadField("good", 1)
_LOAD = PayloadField("load", 1)


class CommandPortConfig(RoomConfig):
    """Serve the command protocol of `gatewright.hw.bus.protocol`.

    Attributes
    ----------
    input_bytes : int
        Payload of a RUN request. 1 to 65535.
    output_bytes : int
        What INFO tells of the output's size; the result stream decides what is sent.
    clock_hz : int
        What INFO tells of the clock.
    design_id : int
        What INFO tells of the design, 32 bits.
    loads : bool
        Whether LOAD is known, beside RUN: the same, but marked.
    """

    room: ClassVar[str] = "command_port"

    input_bytes: int = integer(64, 1, 65535, unit="bytes", doc="Payload of a RUN request.")
    output_bytes: int = integer(10, 1, 65535, unit="bytes", doc="Size of one output, as INFO tells it.")
    clock_hz: int = integer(12_000_000, 1, 2**32 - 1, unit="Hz", doc="Clock frequency, as INFO tells it.")
    design_id: int = integer(0, 0, 2**32 - 1, doc="Identity of the design, as INFO tells it.")
    loads: bool = flag(False, doc="Know LOAD, which hands its payload on as RUN does, marked `load`.")

    def hands_on(self, command: int) -> bool:
        """Tell whether a command's payload goes to the accelerator."""
        return command == Command.RUN or (self.loads and command == Command.LOAD)

    @property
    def info(self) -> Info:
        """The facts of an INFO reply."""
        return Info(self.design_id, self.input_bytes, self.output_bytes, self.clock_hz)

    @property
    def inputs(self) -> tuple[StreamPort, ...]:
        """Requests from the frame decoder, results from the accelerator."""
        return (
            StreamPort("i", (_OCTET, _LAST, _GOOD), "requests: one frame a packet, `good` with `last`"),
            StreamPort("i_result", (_OCTET, _LAST), "body of a RUN reply: output, then cycle count; of a LOAD reply"),
        )

    @property
    def outputs(self) -> tuple[StreamPort, ...]:
        """Replies for the frame encoder, inputs for the accelerator."""
        return (
            StreamPort("o", (_OCTET, _LAST), "replies: one frame a packet"),
            StreamPort(
                "o_input", (_OCTET, _LAST, _GOOD, *[_LOAD] * self.loads),
                "input octets; run when `last` comes with `good`",
            ),
        )  # fmt: skip

    @property
    def latency(self) -> int:
        """From the command octet to the first payload octet, or to the reply if there is no payload."""
        return 2

    def delay(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles up to the first output transfer."""
        return next((start for start, _ in self._spans(inputs)), -1)

    def cycles(self, inputs: Mapping[str, Beats]) -> int:
        """Count cycles up to the last output transfer: requests and replies take turns."""
        return max((end for _, end in self._spans(inputs)), default=0)

    def _spans(self, inputs: Mapping[str, Beats]) -> Iterator[tuple[int, int]]:
        """Give start and end of each uninterrupted stretch of output transfers."""
        requests = inputs["i"]
        results = iter(packets(inputs["i_result"]) if len(inputs["i_result"]["last"]) else [])
        now = 0
        for span in packets(requests):
            length, command = span.stop - span.start, int(requests["data"][span.start])
            payload = length - HEADER_BYTES + 1
            if self.hands_on(command) and payload > 0:
                yield now + 2, now + 2 + min(payload, self.input_bytes)
            now += length
            if length < 2 or not requests["good"][span.stop - 1]:
                continue
            reply = HEADER_BYTES
            if command == Command.INFO and not payload:
                reply += INFO_BYTES
            elif self.hands_on(command) and payload == self.input_bytes:
                result = next(results)
                reply += result.stop - result.start
            yield now, now + reply
            now += reply
