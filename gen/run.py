# SPDX-License-Identifier: BSD-2-Clause
"""Run a model on an accelerator, simulated or on a board, through the same driver."""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.design import Design
from gatewright.gen.emit import generate
from gatewright.gen.link.driver import Accelerator
from gatewright.gen.link.pipe import BytePipe
from gatewright.gen.model.golden_network import run as run_golden
from gatewright.gen.model.graph import Ints, Network
from gatewright.gen.model.map_qnn_mlp import Settings, find_file, network_of
from gatewright.hw.core.errors import ConfigError, ModelError
from gatewright.tb.fast.serial import SerialModel


@dataclass(frozen=True, eq=False)
class Task:
    """A network and inputs for it.

    Attributes
    ----------
    network : Network
        The integer graph.
    codes : (inputs, features) int64
        Input codes.
    labels : (inputs,) int64
        What they show; empty if nobody knows.
    """

    network: Network
    codes: Ints
    labels: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def wire(self, index: int) -> bytes:
        """Give an input as it goes over the line."""
        return self.codes[index].astype(np.int8).tobytes()

    def run(
        self, accelerator: Accelerator, count: int, done: Callable[[int], None] = lambda index: None
    ) -> tuple[Ints, Ints]:
        """Run the first inputs; give outputs ``(count, outputs)`` and cycles ``(count,)``."""
        outputs, cycles = accelerator.infer(self.codes[:count].astype(np.int8), done)
        return outputs.view(np.int8).astype(np.int64), cycles


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
        Inputs whose whole output equals the golden network's.
    cycles : int
        Clock cycles of one inference, as the accelerator counted them.
    predicted_cycles : int
        The same by the cycle model.
    answers : (inputs,) int64
        Index of the largest output of each input.
    """

    inputs: int
    correct: int | None
    identical: int
    cycles: int
    predicted_cycles: int
    answers: Ints

    @property
    def exact(self) -> bool:
        """Whether every output and every cycle count is as predicted."""
        return self.identical == self.inputs and self.cycles == self.predicted_cycles


def task_of(design: Design, inputs: Path | None = None) -> Task:
    """Give a design's network with held-out inputs, or with inputs from a file.

    Parameters
    ----------
    design : Design
        Of the room `qnn_mlp`.
    inputs : Path, optional
        ``.npy`` array of input codes, shape ``(inputs, ...)``, or ``.npz`` with images and labels.

    Raises
    ------
    ConfigError, ModelError
        One line naming the file.
    """
    settings = design.settings
    if not isinstance(settings, Settings):
        raise ConfigError(f"{design.name} is a room, not an accelerator with a model; run one of room qnn_mlp")
    network = network_of(settings, design.folder)
    path = inputs or (find_file(settings.test_data, design.folder, "test_data") if settings.test_data else None)
    if path is None:
        rng = np.random.default_rng(0)
        return Task(network, rng.integers(network.input.low, network.input.high, (16, network.features)))
    return read_task(network, path)


def read_task(network: Network, path: Path) -> Task:
    """Read inputs, and labels if the file has them."""
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            arrays = {"images": content} if isinstance(content, np.ndarray) else dict(content)
    except OSError as error:
        raise ModelError(f"input file {path} can't be read: {error.strerror}; give a .npy or .npz file") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise ModelError(
            f"input file {path} is no .npy or .npz file of plain numbers; write it with numpy.save or numpy.savez"
        ) from None
    if "images" not in arrays:
        raise ModelError(f"input file {path} must hold an array 'images', not {', '.join(sorted(arrays)) or 'nothing'}")
    codes = checked(network, arrays["images"], path)
    if len(codes) == 0:
        raise ModelError(f"input file {path} must hold at least one input, not 0")
    if "labels" not in arrays:
        return Task(network, codes)
    return Task(network, codes, read_labels(network, arrays["labels"], len(codes), path))


def read_labels(network: Network, labels: NDArray[Any], count: int, path: Path) -> Ints:
    """Check that there is one class index per input."""
    if labels.dtype.kind not in "iu":
        raise ModelError(f"input file {path}: labels must be integers, not {labels.dtype}")
    if labels.shape != (count,):
        raise ModelError(f"input file {path} must hold one label per image, shape ({count},), not {labels.shape}")
    wrong = labels[(labels < 0) | (labels >= network.layers[-1].outputs)]
    if len(wrong):
        raise ModelError(f"input file {path}: labels must lie in 0..{network.layers[-1].outputs - 1}, not {wrong[0]}")
    return labels.astype(np.int64)


def checked(network: Network, array: NDArray[np.integer], path: Path) -> Ints:
    """Check input codes and flatten each."""
    from gatewright.gen.model.golden_network import flatten

    try:
        return flatten(network, array)
    except ModelError as error:
        raise ModelError(f"input file {path}: {error}") from None


def simulate(design: Design, out: Path) -> SerialModel:
    """Emit the design and compile it as a byte pipe."""
    generate(design, out / "rtl")
    config = design.config
    return SerialModel(
        out / "rtl" / f"{design.top}.v", design.top, out / "model", config.divisor, config.clock_hz
    )


def classify(
    design: Design, task: Task, pipe: BytePipe, count: int, done: Callable[[int], None] = lambda index: None
) -> Verdict:
    """Run inputs through a byte pipe and hold every answer to the golden network and the cycle model."""
    accelerator = Accelerator(pipe, design.name, design.config.design_id)
    outputs, cycles = task.run(accelerator, count, done)
    want = run_golden(task.network, task.codes[:count])[-1]
    answers = outputs.argmax(axis=1)
    labels = task.labels[:count]
    return Verdict(
        inputs=count,
        correct=int((answers == labels).sum()) if len(labels) else None,
        identical=int((outputs == want).all(axis=1).sum()),
        cycles=int(cycles.max()) if len(set(cycles.tolist())) == 1 else -1,
        predicted_cycles=design.config.core.run_cycles,
        answers=answers,
    )


def picture(codes: Ints, shape: tuple[int, ...], high: int) -> str:
    """Draw one image with block characters, two pixels high per line."""
    image = np.clip(codes.reshape(shape[-2:]) / max(1, high), 0, 1)
    shades = " .:-=+*#%@"
    rows = ["".join(shades[round(value * (len(shades) - 1))] * 2 for value in row) for row in image]
    return "\n".join(rows)
