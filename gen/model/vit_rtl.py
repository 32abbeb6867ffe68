# SPDX-License-Identifier: BSD-2-Clause
"""Run images through the compiled RTL of a vision transformer's core, many in one go; hold all to the golden model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gatewright.gen.design import design_of
from gatewright.gen.emit import generate
from gatewright.gen.model.task_vit import VitTask
from gatewright.hw.accel.vit_core.config import COUNT_BYTES
from gatewright.hw.core.numerics import Ints
from gatewright.tb.fast.streams import StreamModel

PATIENCE = 1.5  # of the cycles that the model predicts


@dataclass(frozen=True)
class Outcome:
    """How images fared.

    Attributes
    ----------
    outputs : (images, outputs) int64
        Scores and routes, as `VitTask` reads them.
    counted, predicted : (images,) int64
        Cycles of each run.
    identical : int
        Images whose scores and routes all equal the golden model's.
    correct : int
        Those whose class is the label.
    """

    outputs: Ints
    counted: Ints
    predicted: Ints
    identical: int
    correct: int

    @property
    def exact(self) -> bool:
        """Whether every number is as predicted, cycles included."""
        return self.identical == len(self.outputs) and bool((self.counted == self.predicted).all())


def run_images(name: str, task: VitTask, count: int, out: Path) -> Outcome:
    """Play images into the core as it is generated, one behind the other.

    Parameters
    ----------
    name : str
        What to call the core's design.
    task : VitTask
        The core, without the serial line, and its images.
    count : int
        How many of them.
    out : Path
        Folder for RTL and compiled model.
    """
    config = task.core
    core = design_of("vit_core", name, **config.model_dump())
    generate(core, out / "rtl")
    model = StreamModel(config, out / "rtl" / f"{core.top}.v", core.top, out / "model")
    model.reset()
    octets = task.codes[:count].astype(np.int8).astype(np.int64)
    last = np.zeros_like(octets)
    last[:, -1] = 1
    image = {"data": octets.ravel(), "last": last.ravel(), "good": last.ravel()}
    size = config.output_bytes + COUNT_BYTES
    limit = int(PATIENCE * count * (config.run_cycles + config.input_bytes + size))
    run = model.run({"i": image}, {"o": count * size}, limit=limit, go_in=1.0, go_out=1.0, seed=1)
    reply = (run.outputs["o"]["data"] & 0xFF).astype(np.uint8).reshape(count, size)
    outputs = task.read(np.ascontiguousarray(reply[:, :-COUNT_BYTES]))
    counted = np.ascontiguousarray(reply[:, -COUNT_BYTES:]).view("<u4").ravel().astype(np.int64)
    return Outcome(
        outputs=outputs,
        counted=counted,
        predicted=task.predict(outputs),
        identical=int((outputs == task.wanted(count)).all(axis=1).sum()),
        correct=int((task.answer(outputs) == task.labels[:count]).sum()) if len(task.labels) else 0,
    )
