# SPDX-License-Identifier: BSD-2-Clause
"""Drives an accelerator over a byte pipe; the same for a board and for a simulated design."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.link.framing import FrameDecoder, encode
from gatewright.gen.link.pipe import BytePipe
from gatewright.hw.bus.protocol import (
    CYCLES_BYTES,
    HEADER_BYTES,
    INFO_BYTES,
    REPLY,
    VERSION,
    Command,
    Info,
    Status,
)
from gatewright.hw.core.errors import LinkError


@dataclass(frozen=True)
class Answer:
    """The result of one run.

    Attributes
    ----------
    output : bytes
        As the accelerator gave it.
    cycles : int
        Clock cycles that the accelerator counted.
    """

    output: bytes
    cycles: int


class Accelerator:
    """An accelerator behind a byte pipe.

    Parameters
    ----------
    pipe : BytePipe
        Carries the frames.
    design : str
        Name of the design that should be there; used in error lines.
    design_id : int, optional
        Its identity; a board that carries another design is refused.
    timeout : float
        Seconds to wait for a reply.
    attempts : int
        How often a request is sent before giving up. Each attempt has a sequence number of its
        own, so a late reply to an earlier one is recognised and dropped.

    Attributes
    ----------
    retries : int
        Attempts that got no reply.
    stale : int
        Replies dropped because they answered an earlier attempt.
    """

    def __init__(
        self,
        pipe: BytePipe,
        design: str = "the design",
        design_id: int | None = None,
        timeout: float = 1.0,
        attempts: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.retries = 0
        self.stale = 0
        self._pipe, self._design, self._design_id = pipe, design, design_id
        self._timeout, self._attempts, self._clock = timeout, attempts, clock
        self._decoder = FrameDecoder()
        self._sequence = int(clock() * 1000) & 0xFF  # differs from that of a run just before
        self._info: Info | None = None

    def info(self) -> Info:
        """Ask once what is there, check that it is what we expect, remember it.

        Raises
        ------
        LinkError
            On silence, another protocol version, or another design.
        """
        if self._info is not None:
            return self._info
        body = self._ask(Command.INFO, b"")
        if len(body) != INFO_BYTES or body[0] != VERSION:
            version = f"version {body[0]}" if body else "no version"
            raise LinkError(
                f"{self._pipe.name}: the board speaks protocol {version}, not {VERSION}; flash {self._design} again"
            )
        info = Info.unpack(body)
        if self._design_id is not None and info.design != self._design_id:
            raise LinkError(
                f"{self._pipe.name}: the board carries design {info.design:#010x}, not {self._design} "
                f"({self._design_id:#010x}); flash {self._design}"
            )
        self._info = info
        return info

    def run(self, data: bytes) -> Answer:
        """Run one input.

        Raises
        ------
        LinkError
            If the input has the wrong size, on silence, or on a reply of the wrong size.
        """
        info = self.info()
        if len(data) != info.input_bytes:
            raise LinkError(f"{self._pipe.name}: an input must have {info.input_bytes} bytes, not {len(data)}")
        body = self._ask(Command.RUN, data)
        if info.output_bytes and body == bytes(CYCLES_BYTES):
            raise LinkError(f"{self._pipe.name}: {self._design} has no weights yet; load them first")
        if len(body) != info.output_bytes + CYCLES_BYTES:
            raise LinkError(
                f"{self._pipe.name}: a reply has {len(body)} bytes, not {info.output_bytes + CYCLES_BYTES}; "
                f"flash {self._design} again"
            )
        return Answer(body[:-CYCLES_BYTES], int.from_bytes(body[-CYCLES_BYTES:], "little"))

    def request(self, data: bytes, attempts: int | None = None) -> bytes:
        """Run one input whose reply has a length that the accelerator chooses; give it, cycle count included.

        Parameters
        ----------
        attempts : int, optional
            How often to send it; once, if running it twice is not running it once.

        Raises
        ------
        LinkError
            If the input has the wrong size, or on silence.
        """
        info = self.info()
        if len(data) != info.input_bytes:
            raise LinkError(f"{self._pipe.name}: an input must have {info.input_bytes} bytes, not {len(data)}")
        return self._ask(Command.RUN, data, attempts)

    def load(self, parts: Sequence[bytes]) -> None:
        """Bring the weights, in requests as long as an input; without parts, nothing happens.

        Each reply counts the requests that still lack. A count that differs tells that one counted twice, or
        of an earlier load that was not finished: what began is filled up, and all parts go once more.

        Raises
        ------
        LinkError
            On silence, on a reply of the wrong size, or if the count still differs the second time.
        """
        for _ in range(2):
            if self._load_once(parts):
                return
        raise LinkError(
            f"{self._pipe.name}: the board does not take the weights in {len(parts)} parts; flash {self._design} again"
        )

    def _load_once(self, parts: Sequence[bytes]) -> bool:
        for index, part in enumerate(parts):
            lacking = self._load_part(part)
            if lacking != len(parts) - 1 - index:
                for _ in range(lacking):
                    self._load_part(part)
                return False
        return True

    def _load_part(self, part: bytes) -> int:
        body = self._ask(Command.LOAD, part)
        if len(body) != CYCLES_BYTES:
            raise LinkError(
                f"{self._pipe.name}: a reply to LOAD has {len(body)} bytes, not {CYCLES_BYTES}; "
                f"flash {self._design} again"
            )
        return int.from_bytes(body, "little")

    def infer(
        self, images: NDArray[np.integer], done: Callable[[int], None] = lambda count: None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Run inputs one by one.

        Parameters
        ----------
        images : array
            8-bit inputs, signed or not, shape ``(inputs, ...)``; each is sent in C order.
        done : callable
            Hears how many inputs are done, after each.

        Returns
        -------
        outputs : uint8 array of shape ``(inputs, output_bytes)``
            Raw output bytes; view them as the design's output type.
        cycles : int64 array of shape ``(inputs,)``
            Clock cycles of each run.
        """
        if images.dtype not in (np.uint8, np.int8):
            raise LinkError(f"{self._pipe.name}: inputs must be int8 or uint8, not {images.dtype}")
        answers = list(self._each(images, done))
        outputs = np.frombuffer(b"".join(answer.output for answer in answers), dtype=np.uint8)
        cycles = np.array([answer.cycles for answer in answers], dtype=np.int64)
        return outputs.reshape(len(answers), self.info().output_bytes), cycles

    def _each(self, images: NDArray[np.integer], done: Callable[[int], None]) -> Iterable[Answer]:
        for index, image in enumerate(images):
            yield self.run(np.ascontiguousarray(image).tobytes())
            done(index + 1)

    def _ask(self, command: Command, payload: bytes, attempts: int | None = None) -> bytes:
        """Send a request until a reply to it comes; give the reply's body."""
        attempts = attempts or self._attempts
        for attempt in range(attempts):
            self._sequence = (self._sequence + 1) & 0xFF
            self.retries += attempt > 0
            self._pipe.write(encode(bytes((command, self._sequence)) + payload))
            reply = self._wait(command)
            if reply is not None:
                return self._body(command, reply)
        raise LinkError(
            f"{self._pipe.name}: no reply within {attempts} attempts of {self._timeout:g} s; "
            f"check that the board is flashed with {self._design} and that this is its port"
        )

    def _wait(self, command: Command) -> bytes | None:
        """Read until the reply to the latest request is there; None after the timeout."""
        end = self._clock() + self._timeout
        while (left := end - self._clock()) > 0:
            data = self._pipe.read(left)
            if not data:
                return None
            for reply in self._decoder.feed(data):
                if len(reply) >= HEADER_BYTES and reply[:2] == bytes((command | REPLY, self._sequence)):
                    return reply
                self.stale += 1
        return None

    def _body(self, command: Command, reply: bytes) -> bytes:
        status = reply[2]
        if status == Status.OK:
            return reply[HEADER_BYTES:]
        known = {Status.UNKNOWN_COMMAND: "does not know it", Status.WRONG_LENGTH: "finds its length wrong"}
        reason = known.get(Status(status), "") if status in set(Status) else f"gives status {status}"
        raise LinkError(
            f"{self._pipe.name}: command {command.name} was refused: the board {reason}; flash {self._design}"
        )
