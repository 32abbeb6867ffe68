# SPDX-License-Identifier: BSD-2-Clause
"""Talk to a simulated accelerator through its UART pins, at compiled speed."""

import ctypes
from pathlib import Path

from gatewright.hw.memory.flash_boot.image import FlashImage
from gatewright.tb.fast.build import shared_library
from gatewright.tb.fast.flash import FLASH, wake_cycles

_DRIVER = """\
#include "Vtop.h"
#include "verilated.h"
#include <cstdint>
struct Line {
    Vtop* top; int divisor; int64_t cycle = 0;
    int tx_bits = 0, tx_wait = 0; uint32_t tx_shift = 0;    // host to design
    int rx_bits = -1, rx_wait = 0; uint32_t rx_shift = 0;   // design to host
#if WITH_FLASH
    Flash flash;
#endif
};
extern "C" void* serial_open(int divisor, const uint8_t* data, int64_t size, int64_t offset, int wake) {
    auto* line = new Line; line->top = new Vtop; line->divisor = divisor;
    line->top->clk = 0; line->top->rx = 1; line->top->eval();
#if WITH_FLASH
    line->flash.data.assign(data, data + size); line->flash.offset = offset; line->flash.wake = wake;
#endif
    return line;
}
extern "C" void serial_close(void* m) { auto* line = (Line*)m; line->top->final(); delete line->top; delete line; }
extern "C" int64_t serial_cycles(void* m) { return ((Line*)m)->cycle; }
// Sends n bytes back to back, then listens until the line has been idle for `quiet` cycles after a
// byte, or `limit` cycles have passed. Returns the number of bytes received.
extern "C" int64_t serial_exchange(void* m, const uint8_t* data, int64_t n, uint8_t* out, int64_t room,
        int64_t limit, int64_t quiet) {
    auto& line = *(Line*)m; auto* top = line.top;
    int64_t sent = 0, got = 0, idle = 0, waited = 0;
    while (true) {
        if (line.tx_bits == 0 && sent < n) {
            line.tx_shift = (uint32_t)data[sent++] << 1 | 0x200; line.tx_bits = 10; line.tx_wait = line.divisor;
        }
        top->rx = line.tx_bits ? line.tx_shift & 1 : 1;
        if (line.tx_bits && --line.tx_wait == 0) { line.tx_shift >>= 1; line.tx_bits--; line.tx_wait = line.divisor; }
#if WITH_FLASH
        top->miso = line.flash.miso;
#endif
        top->clk = 1; top->eval(); top->clk = 0; top->eval(); line.cycle++;
#if WITH_FLASH
        line.flash.step(top->sck, top->cs_n, top->mosi);
#endif
        idle++;
        if (line.rx_bits < 0) {
            if (!top->tx) {
                line.rx_bits = 0; line.rx_wait = line.divisor + line.divisor / 2; line.rx_shift = 0; idle = 0;
            }
        } else { idle = 0; }
        if (line.rx_bits >= 0 && --line.rx_wait == 0) {
            if (line.rx_bits == 8) { if (top->tx && got < room) out[got++] = line.rx_shift; line.rx_bits = -1; }
            else { line.rx_shift |= (uint32_t)top->tx << line.rx_bits++; line.rx_wait = line.divisor; }
        }
        if (sent == n && line.tx_bits == 0) {
            waited++;
            if (line.rx_bits < 0 && ((got && idle > quiet) || waited >= limit)) break;
        }
    }
    return got;
}
"""


class SerialModel:
    """A compiled design with pins ``clk``, ``rx`` and ``tx``, as a byte pipe.

    Parameters
    ----------
    verilog, top : Path, str
        Emitted Verilog or a netlist of the same ports.
    folder : Path
        Where compiled models are kept.
    divisor : int
        Clock cycles per bit.
    clock_hz : int
        Turns time-outs in seconds into cycles.
    flash : FlashImage, optional
        Connect a flash with these contents, else erased, to the design's pins ``sck``, ``cs_n``, ``mosi``, ``miso``.
    """

    def __init__(
        self, verilog: Path, top: str, folder: Path, divisor: int, clock_hz: int, simplify: bool = True,
        flash: FlashImage | None = None,
    ) -> None:  # fmt: skip
        driver = f"#define WITH_FLASH {int(flash is not None)}\n{FLASH if flash else ''}{_DRIVER}"
        library = shared_library(verilog, top, driver, folder, simplify)
        self._lib = ctypes.CDLL(str(library.resolve()))
        self._lib.serial_open.restype = ctypes.c_void_p
        self._lib.serial_exchange.restype = ctypes.c_int64
        self._lib.serial_cycles.restype = ctypes.c_int64
        held = flash or FlashImage(0, b"")
        self._line = ctypes.c_void_p(
            self._lib.serial_open(
                ctypes.c_int(divisor), held.data, ctypes.c_int64(len(held.data)), ctypes.c_int64(held.offset),
                ctypes.c_int(wake_cycles(clock_hz)),
            )
        )  # fmt: skip
        self._divisor, self._clock_hz = divisor, clock_hz
        self.name = f"simulated {top}"
        self._pending = b""
        self.read(12 * divisor / clock_hz)  # a receiver that has just woken up takes the line's first bits for rest

    @property
    def cycles(self) -> int:
        """Clock cycles simulated so far."""
        return int(self._lib.serial_cycles(self._line))

    def seconds(self) -> float:
        """Give the simulated time: a driver's clock, as a slow simulation is no slow answer."""
        return self.cycles / self._clock_hz

    def write(self, data: bytes) -> None:
        """Queue bytes; they go out with the next `read`."""
        self._pending += data

    def read(self, timeout: float) -> bytes:
        """Run until the design has answered and fallen silent, or ``timeout`` simulated seconds."""
        room = 1 << 16
        out = (ctypes.c_uint8 * room)()
        data, self._pending = self._pending, b""
        limit = max(1, int(timeout * self._clock_hz))
        got = self._lib.serial_exchange(
            self._line, data, ctypes.c_int64(len(data)), out, ctypes.c_int64(room),
            ctypes.c_int64(limit), ctypes.c_int64(3 * self._divisor),
        )  # fmt: skip
        return bytes(out[:got])

    def close(self) -> None:
        """Release the model."""
        self._lib.serial_close(self._line)
