# SPDX-License-Identifier: BSD-2-Clause
"""Pipes that carry bytes to an accelerator and back: a serial port, or a device in this process."""

import contextlib
import errno
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from gatewright.hw.core.errors import LinkError


class BytePipe(Protocol):
    """Carries bytes both ways, in order; it may lose or damage them.

    Attributes
    ----------
    name : str
        What an error line calls it.
    """

    name: str

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""

    def read(self, timeout: float) -> bytes:
        """Give what has come, waiting up to ``timeout`` seconds for the first byte; empty after that."""

    def close(self) -> None:
        """Let go of the port."""


class SerialPipe:
    """A serial port, 8N1.

    Parameters
    ----------
    port : str
        Device name, such as ``/dev/ttyUSB1`` or ``COM4``.
    baud : int
        Bits per second.

    Raises
    ------
    LinkError
        One line: the port, what is wrong with it, what to do.
    """

    def __init__(self, port: str, baud: int = 115_200) -> None:
        import serial

        self.name = port
        try:
            self._port: Any = serial.Serial(port, baud, timeout=0, write_timeout=5)
            self._port.reset_input_buffer()
        except (serial.SerialException, OSError, ValueError) as error:
            raise LinkError(f"serial port {port} {_reason(error, baud)}") from None

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        with self._guard():
            self._port.write(data)

    def read(self, timeout: float) -> bytes:
        """Give what has come, waiting up to ``timeout`` seconds for the first byte."""
        with self._guard():
            self._port.timeout = timeout
            first = self._port.read(1)
            return bytes(first + self._port.read(self._port.in_waiting)) if first else b""

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _guard(self) -> Any:
        import serial

        try:
            yield
        except serial.SerialTimeoutException:
            raise LinkError(f"serial port {self.name} takes no data; check its flow control and cable") from None
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"serial port {self.name} {_reason(error, 0)}") from None


def _reason(error: Exception, baud: int) -> str:
    """Say in one line what is wrong with a port and what helps."""
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return f"does not exist; {_known_ports()}"
        case errno.EACCES | errno.EPERM:
            return "may not be opened by this user; join the group that owns it (often dialout), then log in again"
        case errno.EBUSY | errno.EAGAIN:
            return "is in use by another program; close that one"
        case errno.EIO:
            return "was unplugged or answers no more; plug it in again"
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, ValueError):
        return f"does not take {baud} baud ({text}); use a rate that the adapter knows"
    if "FileNotFoundError" in text:
        return f"does not exist; {_known_ports()}"
    return f"failed: {text}"


def _known_ports() -> str:
    """List the serial ports of this machine."""
    from serial.tools import list_ports

    known = sorted(port.device for port in list_ports.comports())
    return f"ports here are {', '.join(known)}" if known else "no port is there: plug the board in"


class LoopbackPipe:
    """A device that lives in this process.

    Parameters
    ----------
    device : callable
        Takes the bytes written; gives the bytes that the device sends in answer.
    name : str
        What an error line calls it.
    """

    def __init__(self, device: Callable[[bytes], bytes], name: str = "loopback") -> None:
        self.name = name
        self._device = device
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        """Hand bytes to the device and keep its answer."""
        self._pending += self._device(data)

    def read(self, timeout: float) -> bytes:
        """Give the kept answer; nothing more can come, so there is no wait."""
        data = bytes(self._pending)
        self._pending.clear()
        return data

    def close(self) -> None:
        """Forget what was not read."""
        self._pending.clear()
