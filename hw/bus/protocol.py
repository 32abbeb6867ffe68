# SPDX-License-Identifier: BSD-2-Clause
"""The command protocol between a host and an accelerator: one request frame, one reply frame.

| frame | octets |
| --- | --- |
| request | command, sequence, payload |
| reply | command with bit 7 set, sequence of the request, status, body |

| command | payload | body of the reply with status `ok` |
| --- | --- | --- |
| `INFO` | none | version 1, design id 4, input bytes 2, output bytes 2, clock in Hz 4 |
| `RUN` | the input | the output, then the run's clock cycles 4; without an output and 0 cycles if weights lack |
| `LOAD` | octets, as many as an input has | LOAD requests that the weights still need 4 |

Only accelerators whose weights are loaded know LOAD: requests in order bring all weights, filled up with
octets of any value. The reply counts down to 0, so a host sees when one counted twice; at 0 the accelerator
runs, and one more LOAD begins anew.

Numbers are little-endian. An error reply has no body. A frame whose check sequence is wrong, or
that is shorter than two octets, gets no reply. The host sends one request at a time.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

VERSION = 1
REPLY = 0x80
HEADER_BYTES = 3  # of a reply
CYCLES_BYTES = 4

_INFO = struct.Struct("<BIHHI")
INFO_BYTES = _INFO.size


class Command(IntEnum):
    """What a host asks for."""

    INFO = 0x01
    RUN = 0x02
    LOAD = 0x03


class Status(IntEnum):
    """How a request ended."""

    OK = 0
    UNKNOWN_COMMAND = 1
    WRONG_LENGTH = 2


@dataclass(frozen=True)
class Info:
    """What an accelerator says about itself.

    Attributes
    ----------
    design : int
        Identifies the generated design, 32 bits.
    input_bytes, output_bytes : int
        Sizes of one input and one output.
    clock_hz : int
        The clock behind the cycle counts.
    version : int
        Protocol version.
    """

    design: int
    input_bytes: int
    output_bytes: int
    clock_hz: int
    version: int = VERSION

    def pack(self) -> bytes:
        """Give the body of the reply."""
        return _INFO.pack(self.version, self.design, self.input_bytes, self.output_bytes, self.clock_hz)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        """Read the body of a reply of `INFO_BYTES` octets."""
        version, design, input_bytes, output_bytes, clock_hz = _INFO.unpack(body)
        return cls(design, input_bytes, output_bytes, clock_hz, version)
