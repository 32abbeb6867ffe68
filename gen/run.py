# SPDX-License-Identifier: BSD-2-Clause
"""Run a model on an accelerator, simulated or on a board, through the same driver."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gatewright.gen.design import Design
from gatewright.gen.emit import generate
from gatewright.gen.link.driver import Accelerator
from gatewright.gen.link.pipe import BytePipe
from gatewright.gen.model import map_moe_vit, map_qnn_mlp, map_ternary_linear, map_ternary_lm
from gatewright.gen.model.graph import Ints
from gatewright.gen.model.task_lm import lm_task
from gatewright.gen.model.task_matrix import matrix_task
from gatewright.gen.model.task_network import network_task
from gatewright.gen.model.task_vit import vit_task
from gatewright.gen.task import Task
from gatewright.hw.core.errors import ConfigError
from gatewright.tb.fast.serial import SerialModel


@dataclass(frozen=True)
class Verdict:
    """How a run went.

    Attributes
    ----------
    inputs : int
        Inputs run.
    correct : int or None
        Answers that are right, where labels are known.
    identical : int
        Inputs whose whole output equals the golden model's.
    counted, predicted : (inputs,) int64
        Clock cycles of each inference, as the accelerator counted them and by the cycle model.
    outputs : (inputs, outputs) int64
        What the accelerator gave.
    answers : (inputs,) int64
        What that says, by the task.
    """

    inputs: int
    correct: int | None
    identical: int
    counted: Ints
    predicted: Ints
    outputs: Ints
    answers: Ints

    @property
    def cycles(self) -> int:
        """Clock cycles of the longest inference."""
        return int(self.counted.max())

    @property
    def predicted_cycles(self) -> int:
        """The same by the cycle model."""
        return int(self.predicted.max())

    @property
    def exact(self) -> bool:
        """Whether every output and every cycle count is as predicted."""
        return self.identical == self.inputs and bool((self.counted == self.predicted).all())


def task_of(design: Design, inputs: Path | None = None, task: str | None = None, image: Path | None = None) -> Task:
    """Give a design's task with held-out or random inputs, or with inputs from a file.

    Parameters
    ----------
    design : Design
        An accelerator with a model.
    inputs : Path, optional
        ``.npy`` array of input codes, shape ``(inputs, ...)``, or ``.npz`` with images and labels; for a language
        model a text file, a prompt on each line.
    task : str, optional
        One of the tasks of a model that has several.
    image : Path, optional
        A picture in place of ``inputs``.

    Raises
    ------
    ConfigError, ModelError
        One line naming the file.
    """
    if not isinstance(design.settings, map_moe_vit.Settings):
        for option, value in (("task", task), ("image", image)):
            if value is not None:
                raise ConfigError(
                    f"{option} needs a model of room moe_vit, and {design.name} is of room {design.room.name}"
                )
    match design.settings:
        case map_moe_vit.Settings() as settings:
            return vit_task(design, settings, inputs, task, image)
        case map_qnn_mlp.Settings() as settings:
            return network_task(design, settings, inputs)
        case map_ternary_linear.Settings() as settings:
            return matrix_task(design, settings, inputs)
        case map_ternary_lm.LmSettings() as settings:
            return lm_task(design, settings, inputs)
    raise ConfigError(
        f"{design.name} is a room, not an accelerator with a model; run one of room qnn_mlp, ternary_linear, "
        "moe_vit, ternary_lm or small_lm"
    )


def simulate(design: Design, out: Path) -> SerialModel:
    """Emit the design and compile it as a byte pipe, with its flash if it boots from one; wait until it has."""
    generate(design, out / "rtl")
    config = design.config
    verilog, flash = out / "rtl" / f"{design.top}.v", design.flash
    model = SerialModel(verilog, design.top, out / "model", config.divisor, config.clock_hz, flash=flash)
    if config.boot_cycles:
        model.read(config.boot_cycles / config.clock_hz)
    return model


def classify(
    design: Design, task: Task, pipe: BytePipe, count: int, done: Callable[[int], None] = lambda index: None
) -> Verdict:
    """Run inputs through a byte pipe and hold every answer to the golden model and the cycle model."""
    clock = pipe.seconds if isinstance(pipe, SerialModel) else time.monotonic
    accelerator = Accelerator(pipe, design.name, design.config.design_id, clock=clock)
    outputs, cycles = task.run(accelerator, count, done)
    labels = task.labels[:count]
    predicted = task.predict(outputs)
    found = Verdict(
        inputs=count,
        correct=None,
        identical=int((outputs == task.wanted(count)).all(axis=1).sum()),
        counted=cycles,
        predicted=np.full(count, design.config.core.run_cycles) if predicted is None else predicted,
        outputs=outputs,
        answers=task.answer(outputs),
    )
    return replace(found, correct=int((found.answers == labels).sum())) if len(labels) else found
