# SPDX-License-Identifier: BSD-2-Clause
"""The FPGAs that boards carry, and those that block costs are measured on."""

from gatewright.fpga_boards.board import Capacity, Part
from gatewright.hw.core.errors import BoardError

ECP5_25F = Part(
    name="ecp5-25f", family="ecp5", device="LFE5U-25F", package="CABGA381", speed="6",
    arguments=("--25k", "--package", "CABGA381", "--speed", "6"),
    grid=(73, 51), capacity=Capacity(lut=24288, ff=24288, dsp=28, bram=56),
    idcode=0x41111043, detected=(0x41111043,),
)  # fmt: skip

ECP5_85F = Part(
    name="ecp5-85f", family="ecp5", device="LFE5U-85F", package="CABGA381", speed="6",
    arguments=("--85k", "--package", "CABGA381", "--speed", "6"),
    grid=(127, 96), capacity=Capacity(lut=83640, ff=83640, dsp=156, bram=208),
    idcode=0x41113043, detected=(0x41113043,),
)  # fmt: skip

ICE40_UP5K = Part(
    name="ice40-up5k", family="ice40", device="iCE40UP5K", package="SG48",
    arguments=("--up5k", "--package", "sg48"), synthesis=("-device", "u"),
    grid=(26, 32), capacity=Capacity(lut=5280, ff=5280, dsp=8, bram=30), cram=(692, 336),
)  # fmt: skip

ICE40_HX8K = Part(
    name="ice40-hx8k", family="ice40", device="iCE40HX8K", package="CT256",
    arguments=("--hx8k", "--package", "ct256"), synthesis=("-device", "hx"),
    grid=(34, 34), capacity=Capacity(lut=7680, ff=7680, dsp=0, bram=32), cram=(872, 272),
)  # fmt: skip

GW1NR_9C = Part(
    name="gw1nr-9c", family="gowin", device="GW1NR-LV9QN88PC6/I5", package="QN88", speed="C6/I5",
    arguments=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"), synthesis=("-family", "gw1n"),
    packer=("-d", "GW1N-9C"),
    grid=(47, 29), capacity=Capacity(lut=8640, ff=6480, dsp=40, bram=26),
    idcode=0x1100481B, detected=(0x1100481B, 0x0100481B),
    free=("52", "10", "11", "13", "14"),
)  # fmt: skip

GW2AR_18C = Part(
    name="gw2ar-18c", family="gowin", device="GW2AR-LV18QN88C8/I7", package="QN88", speed="C8/I7",
    arguments=("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"), synthesis=("-family", "gw2a"),
    packer=("-d", "GW2A-18C"),
    grid=(56, 55), capacity=Capacity(lut=20736, ff=15552, dsp=48, bram=46),
    idcode=0x0000081B, detected=(0x0000081B,),
    free=("4", "15", "16", "17", "18"),
)  # fmt: skip


def parts() -> dict[str, Part]:
    """Give all parts by name."""
    return {part.name: part for part in (ECP5_25F, ECP5_85F, ICE40_UP5K, ICE40_HX8K, GW1NR_9C, GW2AR_18C)}


def find_part(name: str) -> Part:
    """Find a part by name.

    Raises
    ------
    BoardError
        If no part has that name; the message lists the names.
    """
    known = parts()
    if name not in known:
        raise BoardError(f"part {name} is unknown; known parts are {', '.join(known)}")
    return known[name]
