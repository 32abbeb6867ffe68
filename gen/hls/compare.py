# SPDX-License-Identifier: BSD-2-Clause
"""Five ways to the same integers: golden model, C++, XLS' compiled function, XLS' Verilog, our Verilog."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from gatewright.gen.design import Design
from gatewright.gen.emit import verilog
from gatewright.gen.files import replace_tree
from gatewright.gen.hls import csim
from gatewright.gen.hls.frames import expected, stimulus
from gatewright.gen.hls.package import package
from gatewright.gen.hls.xls import XlsKernel, ports, wrapped
from gatewright.hls_kernels.catalogue import kernel_of, recipe_of
from gatewright.hls_kernels.kernel import Kernel
from gatewright.hw.core.ports import Beats, StreamPort, beat_count
from gatewright.tb.fast.streams import StreamModel

WAYS = ("C++", "XLS", "XLS Verilog", "our Verilog")
STAGES = 2
XLS_TOP = "xls_stream"


@dataclass(frozen=True)
class Streams:
    """What the compiled simulation has to know of a module: its streams."""

    room: str
    inputs: tuple[StreamPort, ...]
    outputs: tuple[StreamPort, ...]


def compare(design: Design, folder: Path, frames: int = 1000, stages: int = STAGES) -> dict[str, int]:
    """Count the frames in which each of `WAYS` gives what the golden model gives."""
    kernel = kernel_of(design.config)
    inputs = stimulus(kernel, frames)
    want = expected(design, inputs)
    replace_tree(folder / "hls", package(design, frames))
    compiled = XlsKernel(kernel)
    return {
        "C++": csim.simulate(folder / "hls", kernel.name)[0],
        "XLS": equal(want, compiled.run(inputs)),
        "XLS Verilog": equal(want, run_xls_verilog(kernel, compiled.verilog(stages), inputs, folder)),
        "our Verilog": equal(want, run_ours(design, inputs, folder)),
    }


def equal(want: Beats, got: Beats) -> int:
    """Count frames that are equal in all fields."""
    same = [np.asarray(want[name] == got[name]).reshape(len(want[name]), -1).all(1) for name in want]
    return int(np.logical_and.reduce(same).sum())


def run_xls_verilog(kernel: Kernel, text: str, frames: Beats, folder: Path) -> Beats:
    """Play frames through XLS' pipeline, in the compiled simulation."""
    i, o = ports(kernel)
    path = folder / "xls.v"
    path.write_text(wrapped(kernel, text, XLS_TOP))
    model = StreamModel(Streams(f"XLS' {kernel.name}", (i,), (o,)), path, XLS_TOP, folder / "sim")
    return model.run({"i": frames}, {"o": beat_count(frames)}).outputs["o"]


def run_ours(design: Design, frames: Beats, folder: Path) -> Beats:
    """Play frames through the room's Verilog."""
    recipe = recipe_of(design.room.name)
    inputs = recipe.streams(design.config, frames)
    golden = import_module(f"{design.room.path}.golden").golden(design.config, inputs)
    path = folder / "ours.v"
    path.write_text(verilog(design))
    model = StreamModel(design.config, path, design.top, folder / "sim")
    run = model.run(inputs, {name: beat_count(beats) for name, beats in golden.items()}, go_in=0.7, go_out=0.7)
    return recipe.frames(design.config, run.outputs)
