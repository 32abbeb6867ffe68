# SPDX-License-Identifier: BSD-2-Clause
"""What a board and its FPGA are, as data: no tool is called here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gatewright.hw.core.errors import BoardError

Family = Literal["ecp5", "ice40", "gowin"]
FLASH_PORTS = ("sck", "cs_n", "mosi", "miso")  # of a design that reads the configuration flash


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much logic a part holds.

    Attributes
    ----------
    lut, ff : int
        4-input look-up tables and flip-flops.
    dsp : int
        Hardware multipliers: 18x18 on ECP5, 16x16 on iCE40, 9x9 on Gowin.
    bram : int
        Memory blocks: 18 kbit on ECP5 and Gowin, 4 kbit on iCE40.
    """

    lut: int
    ff: int
    dsp: int
    bram: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One FPGA in one package, as the tools name it.

    Attributes
    ----------
    name : str
        Short name, unique here.
    device : str
        The maker's name of the device; an ECP5 bitstream carries it.
    package : str
        Package, as the place-and-route program names it.
    speed : str
        Speed grade; empty where the device has one only.
    arguments : tuple of str
        Arguments that select the part for nextpnr.
    synthesis : tuple of str
        Arguments that select the part for Yosys.
    packer : tuple of str
        Arguments that select the part for the bitstream packer.
    grid : tuple of int
        Tiles, (columns, rows).
    idcode : int
        JTAG code inside the bitstream; 0 where the family has none.
    detected : tuple of int
        JTAG codes under which the programmer reports this part.
    free : tuple of str
        Pins for a block that is placed alone, where the placer chooses none itself; the first takes a clock.
    cram : tuple of int
        iCE40 only: (width, height) of the first configuration bank, in bits, as the bitstream states it.
    """

    name: str
    family: Family
    device: str
    package: str
    speed: str = ""
    arguments: tuple[str, ...]
    synthesis: tuple[str, ...] = ()
    packer: tuple[str, ...] = ()
    grid: tuple[int, int]
    capacity: Capacity
    idcode: int = 0
    detected: tuple[int, ...] = ()
    free: tuple[str, ...] = ()
    cram: tuple[int, int] = (0, 0)

    @property
    def suffix(self) -> str:
        """File name suffix of a bitstream."""
        return {"ecp5": ".bit", "ice40": ".bin", "gowin": ".fs"}[self.family]


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One package pin.

    Attributes
    ----------
    site : str
        Ball or pin number.
    attributes : mapping
        Electrical settings in the vendor's words, such as ``IO_TYPE``.
    inverted : bool
        Whether the net on the board is active low.
    """

    site: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    inverted: bool = False


@dataclass(frozen=True, kw_only=True)
class FlashPins:
    """The chip that holds the bitstream, as a design reaches it once it is configured.

    Attributes
    ----------
    sck, cs_n, mosi : Pin
        Outputs of the FPGA; the chip is selected while ``cs_n`` is low.
    miso : Pin
        Input of the FPGA.
    """

    sck: Pin
    cs_n: Pin
    mosi: Pin
    miso: Pin


@dataclass(frozen=True, kw_only=True)
class Board:
    """A development board.

    Attributes
    ----------
    clock_hz : int
        Frequency of the oscillator at ``clk``.
    clk, rx, tx : Pin
        Oscillator, and the serial port to the host as the FPGA sees it: ``rx`` is an input.
    led : tuple of Pin
        A few lamps.
    loader : str
        Name of the board for openFPGALoader.
    volatile : bool
        Whether the loader can write the FPGA's own memory and leave the flash alone.
    flash : FlashPins, optional
        The configuration flash, where it is wired to pins that a design may use.
    """

    name: str
    title: str
    part: Part
    clock_hz: int
    clk: Pin
    rx: Pin
    tx: Pin
    led: tuple[Pin, ...]
    loader: str
    volatile: bool = True
    flash: FlashPins | None = None

    @property
    def clock_mhz(self) -> float:
        """Frequency of the oscillator in MHz."""
        return self.clock_hz / 1e6

    @property
    def suffix(self) -> str:
        """File name suffix of a bitstream."""
        return self.part.suffix

    def pins(self, ports: Mapping[str, int]) -> dict[str, Pin]:
        """Give the pin of every bit of a design's ports.

        Parameters
        ----------
        ports : mapping
            Port name to width in bits.

        Returns
        -------
        dict
            ``clk`` or ``led[2]`` to its pin, in the order of the ports.

        Raises
        ------
        BoardError
            If a port is unknown or too wide, or the design has no clock.
        """
        known = {"clk": (self.clk,), "rx": (self.rx,), "tx": (self.tx,), "led": self.led}
        if self.flash is not None:
            known |= {name: (getattr(self.flash, name),) for name in FLASH_PORTS}
        if "clk" not in ports:
            raise BoardError(f"{self.name}: port clk is missing; a design for a board is clocked by it")
        found: dict[str, Pin] = {}
        for port, bits in ports.items():
            if port not in known:
                raise BoardError(f"{self.name}: port {port} has no pin; a board's ports are {', '.join(known)}")
            if bits > len(known[port]):
                raise BoardError(f"{self.name}: port {port} must have 1..{len(known[port])} bits, not {bits}")
            for bit in range(bits):
                found[port if bits == 1 else f"{port}[{bit}]"] = known[port][bit]
        return found
