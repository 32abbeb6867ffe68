# SPDX-License-Identifier: BSD-2-Clause
"""What devices hold, how fast they are clocked, and what memory they have outside."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gatewright
from gatewright.fpga_boards.board import Board
from gatewright.fpga_boards.registry import boards
from gatewright.gen.flow.cells import Fabric
from gatewright.hw.core.errors import BoardError
from gatewright.hw.ternary.store import KINDS, MemoryKind

BLOCKS = {"ecp5": "EBR", "ice40": "EBR4K", "gowin": "BSRAM"}
SPRAMS = {"iCE40UP5K": 4}  # one-port RAMs; not in `Capacity`


@dataclass(frozen=True, kw_only=True)
class External:
    """Memory outside the chip.

    Attributes
    ----------
    peak : float
        Bytes a second that the maker names.
    efficiency : float
        Share of it that long bursts are assumed to get.
    """

    name: str
    peak: float
    efficiency: float

    @property
    def rate(self) -> float:
        """Bytes a second that are counted on."""
        return self.peak * self.efficiency


@dataclass(frozen=True, kw_only=True)
class Device:
    """An FPGA on its board.

    Attributes
    ----------
    lut, ff, dsp : int
        Sites: 4-input LUTs, on UltraScale+ 6-input ones; flip-flops; hard multipliers.
    memories : tuple of (MemoryKind, int)
        Kinds of memory blocks and how many; the first one is the block RAM.
    mhz : float
        Clock rate where nothing was measured.
    mhz_source : str
        Why that.
    external : External or None
        Where weights come from; None where all must lie on chip.
    """

    name: str
    title: str
    family: Fabric
    lut: int
    ff: int
    dsp: int
    memories: tuple[tuple[MemoryKind, int], ...]
    mhz: float
    mhz_source: str
    external: External | None = None

    @property
    def projection(self) -> bool:
        """Whether no design was ever built for it here."""
        return self.external is not None

    @property
    def block(self) -> MemoryKind:
        """The block RAM."""
        return self.memories[0][0]

    def count(self, kind: str) -> int:
        """Give how many memory blocks of a kind there are."""
        return next((count for memory, count in self.memories if memory.name == kind), 0)


_BRAM, _URAM = KINDS["BRAM36"], KINDS["URAM"]
PROJECTED = (
    Device(
        name="kv260", title="AMD Kria KV260 (XCK26)", family="xilinx", lut=117_120, ff=234_240, dsp=1_248,
        memories=((_BRAM, 144), (_URAM, 64)), mhz=250.0,
        mhz_source="assumed: what bitnet-kv260 and, it is said, TeLLMe v2 run at",
        external=External(name="DDR4, 64 bits of 2,400 MT/s", peak=19.2e9, efficiency=0.8),
    ),
    Device(
        name="u280", title="AMD Alveo U280 (XCU280)", family="xilinx", lut=1_303_680, ff=2_607_360, dsp=9_024,
        memories=((_BRAM, 2_016), (_URAM, 960)), mhz=250.0, mhz_source="assumed: as kv260",
        external=External(name="HBM2, 32 channels", peak=460e9, efficiency=0.8),
    ),
)  # fmt: skip


def _on_board(board: Board) -> Device:
    part, room = board.part, board.part.capacity
    spram = SPRAMS.get(part.device, 0)
    memories = ((KINDS[BLOCKS[part.family]], room.bram), *(((KINDS["SPRAM"], spram),) if spram else ()))
    return Device(
        name=board.name, title=f"{board.title} ({part.device})", family=part.family, lut=room.lut, ff=room.ff,
        dsp=room.dsp, memories=memories, mhz=board.clock_mhz, mhz_source="assumed: the board's oscillator",
    )  # fmt: skip


def devices() -> dict[str, Device]:
    """Give all devices by name: the boards, then those that are projections only."""
    return {name: _on_board(board) for name, board in boards().items()} | {each.name: each for each in PROJECTED}


def find_device(name: str) -> Device:
    """Find a device by name.

    Raises
    ------
    BoardError
        If none has that name; the message lists the names.
    """
    known = devices()
    if name not in known:
        raise BoardError(f"device {name} is unknown; known devices are {', '.join(known)}")
    return known[name]


# --- reports of builds that the repository carries ---


def results() -> Path:
    """Give the folder of saved results; an installed package has none."""
    return Path(gatewright.__file__).resolve().parents[2] / "results"


def reports(board: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the saved reports of whole accelerators on a board, and the files that hold them."""
    for path in sorted(results().glob(f"*_{board.replace('-', '_')}.json")):
        try:
            report = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(report, dict) and report.get("board") == board and report.get("timing"):
            yield f"scripts/results/{path.name}", report


def rate_of(report: dict[str, Any]) -> float:
    """Give the clock rate that a placed design reaches, in MHz."""
    return float(min(clock["achieved_mhz"] for clock in report["timing"]))


def overhead_of(report: dict[str, Any]) -> float:
    """Give LUT sites that placement took per LUT that synthesis counted."""
    used = next(row["used"] for row in report["utilisation"] if row["resource"] == "LUT")
    return float(used / report["synthesis"]["counts"]["LUTeq"])


@dataclass(frozen=True)
class Clock:
    """A clock rate and where it comes from."""

    mhz: float
    source: str


def clock_of(device: Device, design: str | None = None, asked: float | None = None, clock_hz: int = 0) -> Clock:
    """Give the clock rate to count on.

    What is asked for comes first; then what this design reached on this board, what its settings say, the least that
    any accelerator reached on this board; then the device's own assumption.
    """
    if asked is not None:
        return Clock(asked, "asked for")
    known = dict(reports(device.name))
    own = {name: report for name, report in known.items() if design is not None and report.get("design") == design}
    for name, report in own.items():
        return Clock(rate_of(report), f"measured, {name}")
    if clock_hz:
        return Clock(clock_hz / 1e6, "clock_hz of the settings; no build of it is in scripts/results")
    if known:
        name, report = min(known.items(), key=lambda item: rate_of(item[1]))
        return Clock(rate_of(report), f"assumed: {report['design']} reached it, {name}")
    return Clock(device.mhz, device.mhz_source)
