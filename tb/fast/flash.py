# SPDX-License-Identifier: BSD-2-Clause
"""An SPI flash in C++, to be compiled into a simulation and clocked with the design: one call per cycle."""

import math

WAKE_SECONDS = 3e-6  # tRES1 of the W25Q128JV that the iCEBreaker carries

# `miso` changes one cycle after `sck` has fallen, the latest that a design with sck = clk / 2 must bear.
FLASH = """\
#include <cstdint>
#include <vector>
struct Flash {  // SPI mode 0; in power-down until command 0xAB; reads by command 0x03; ignores all others
    std::vector<uint8_t> data; int64_t offset; int wake;  // cycles that waking up takes
    bool sck = false, cs_n = true, awake = false, heard = false, miso = true, next = true;
    int waking = 0, bits = 0; uint32_t command = 0; int64_t at = -1;  // the bit that is read
    bool bit() const {
        int64_t index = ((at >> 3) & 0xffffff) - offset;
        int octet = index >= 0 && index < (int64_t)data.size() ? data[index] : 0xff;
        return octet >> (7 - (at & 7)) & 1;
    }
    void step(bool sck_now, bool cs_now, bool mosi) {
        miso = next;
        if (waking && --waking == 0) awake = true;
        if (cs_now) {
            if (!cs_n && bits == 8 && command == 0xab && !awake) waking = wake;
            bits = 0; command = 0; at = -1; next = true; heard = awake;
        } else if (sck_now && !sck) {
            if (at >= 0) at++;
            else if (bits < 33) { command = command << 1 | mosi; bits++; }
        } else if (!sck_now && sck) {
            if (at < 0 && bits == 32 && heard && command >> 24 == 3) at = (int64_t)(command & 0xffffff) << 3;
            if (at >= 0) next = bit();
        }
        sck = sck_now; cs_n = cs_now;
    }
};
"""


def wake_cycles(clock_hz: int) -> int:
    """Give the cycles that the flash needs to wake up."""
    return math.ceil(WAKE_SECONDS * clock_hz)
