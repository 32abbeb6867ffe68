# SPDX-License-Identifier: BSD-2-Clause
"""Take a design to a board: top level, netlist check against the golden model, build."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.fpga_boards.board import FLASH_PORTS, Board
from gatewright.fpga_boards.pll import plan_pll
from gatewright.fpga_boards.registry import boards_with_flash
from gatewright.fpga_boards.top import BoardTop
from gatewright.gen.design import Design
from gatewright.gen.emit import generate, header, plain_verilog
from gatewright.gen.files import write_file
from gatewright.gen.flow.build import BoardDesign, BuildResult
from gatewright.gen.flow.build import build as build_flow
from gatewright.gen.flow.netlist import simulation_netlist
from gatewright.gen.flow.netlist_check import check_netlist, serial_line
from gatewright.gen.flow.place import USUAL, Algorithms
from gatewright.gen.flow.synth import SynthOptions
from gatewright.gen.link.driver import Accelerator
from gatewright.gen.link.framing import encode
from gatewright.gen.run import task_of
from gatewright.gen.task import Task
from gatewright.hw.bus.protocol import Command
from gatewright.hw.core.errors import BoardError, VerificationError
from gatewright.hw.memory.flash_boot.image import FlashImage
from gatewright.tb.fast.flash import wake_cycles
from gatewright.tb.fast.serial import SerialModel

RESET_CYCLES = 4200  # the board's reset lasts 4096


def board_top(design: Design, board: Board) -> str:
    """Name of the board's top module."""
    return f"{design.top}_{board.name.replace('-', '_')}"


def emit_for_board(design: Design, board: Board, out: Path) -> Path:
    """Write the design's Verilog inside the board's top level, and give its path.

    Raises
    ------
    BoardError
        If the design has no serial port, was made for another clock, or reads a flash that the board lacks.
    """
    pins = getattr(design.config, "pins", ())
    if not {"rx", "tx", "busy"} <= set(pins):
        raise BoardError(
            f"room {design.room.name} has no serial port and can't go on a board alone; build an accelerator: "
            "qnn_mlp or ternary_linear"
        )
    if set(pins) & set(FLASH_PORTS) and board.flash is None:
        raise BoardError(
            f"{design.name} reads a flash, and {board.name} has none on pins that a design may use; "
            f"build it for {boards_with_flash()}"
        )
    clock = getattr(design.config, "clock_hz", board.clock_hz)
    pll = None
    if clock != board.clock_hz:
        pll = plan_pll(board.clock_hz, clock) if board.part.family == "ecp5" else None
        if pll is None:
            also = ", or what a PLL makes of it exactly" if board.part.family == "ecp5" else ""
            raise BoardError(
                f"{design.name}.clock_hz must be {board.clock_hz}, the oscillator of {board.name}{also}, not {clock}; "
                f"set it in the config, or under [board.{board.name}]"
            )
    generate(design, out / "rtl")
    top = board_top(design, board)
    path = out / f"{top}.v"
    component = BoardTop(design.build(), bool(board.led) and board.led[0].inverted, pll)
    write_file(path, header(design, top) + plain_verilog(component, top))
    return path


def build_design(
    design: Design, board: Board, out: Path, options: SynthOptions | None = None,
    announce: Callable[[str], None] = lambda name: None, mhz: float | None = None,
    how: Algorithms = USUAL,
) -> BuildResult:  # fmt: skip
    """Emit, synthesise, check the netlist, place, route, pack and report.

    The netlist runs in lockstep with the RTL, then answers held-out inputs through its UART pins;
    both must hold before there is a bitstream. Without ``options`` the design's own are taken;
    ``mhz`` asks the placer for more than the oscillator gives, ``how`` names its algorithms.
    """
    verilog = emit_for_board(design, board, out)
    flash = design.flash
    target = BoardDesign(name=design.name, top=board_top(design, board), verilog=(verilog,), flash=flash)
    task = task_of(design)
    check = partial(
        check_board_netlist, design.name, task.brief(), design.config.divisor, design.config.clock_hz,
        flash=flash, boot_cycles=design.config.boot_cycles,
    )  # fmt: skip
    options = options or synthesis_of(design, board)
    return build_flow(target, board, out, check, options=options, mhz=mhz, how=how, announce=announce)


def synthesis_of(design: Design, board: Board) -> SynthOptions:
    """Give the options that suit a design: those that its mapping names, or the flow's defaults."""
    named: SynthOptions | None = design.room.synthesis(design.config, board.part.family)
    return named or SynthOptions()


def check_board_netlist(
    name: str, task: Task, divisor: int, clock_hz: int, rtl: Path, netlist: Path, top: str, family: str, work: Path,
    *, flash: FlashImage | None = None, boot_cycles: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Hold a netlist to its RTL and to the golden model, its flash connected and read first if it boots from one.

    Raises
    ------
    VerificationError
        One line; nothing is packed after it.
    """
    work.mkdir(parents=True, exist_ok=True)
    request = encode(bytes((Command.INFO, 1)))
    for load in task.loads[:1]:  # all would take too long here; they follow below
        request += encode(bytes((Command.LOAD, 3)) + load)
    run_request = encode(bytes((Command.RUN, 2)) + task.wire(0))
    line = serial_line(request + run_request, divisor)
    tail = np.ones(3000 + 300 * divisor, np.uint8)
    line = np.concatenate([np.ones(RESET_CYCLES, np.uint8), line, tail])
    pair = check_netlist(
        rtl, netlist, top, family, work / "lockstep", cycles=len(line), drive={"rx": line}, lead=boot_cycles,
        flash=flash, wake=wake_cycles(clock_hz),
    )  # fmt: skip
    plain = simulation_netlist(work, netlist, top, family)
    model = SerialModel(plain, top, work / "model", divisor, clock_hz, simplify=False, flash=flash)
    model.read((RESET_CYCLES + boot_cycles) / clock_hz)
    accelerator = Accelerator(model, name, timeout=0.5, clock=model.seconds)
    count = min(task.checks, len(task.codes))
    got, cycles = task.run(accelerator, count)
    wrong = int((got != task.wanted(count)).any(axis=1).sum())
    model.close()
    if wrong:
        raise VerificationError(
            f"netlist of {top} for {family} gives wrong answers to {wrong} of {count} inputs; "
            f"the bitstream was not written; try --no-dsp"
        )
    return {"lockstep_cycles": pair.cycles, "inputs": count, "wrong": wrong, "cycles_per_input": int(cycles[0])}
