# SPDX-License-Identifier: BSD-2-Clause
"""Images for a vision transformer accelerator, and the picture of which expert took which patch."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.design import Design
from gatewright.gen.model.arrays import read_arrays
from gatewright.gen.model.map_moe_vit import Settings, model_of
from gatewright.gen.model.map_qnn_mlp import find_file
from gatewright.gen.model.task_network import picture
from gatewright.gen.model.vit_golden import checked, find_task, run
from gatewright.gen.model.vit_graph import VitGraph
from gatewright.gen.task import Task
from gatewright.hw.accel.vit_core.config import CLASS_BYTES, VitCoreConfig
from gatewright.hw.accel.vit_core.program import mixture
from gatewright.hw.accel.vit_core.timing import Machine
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class VitTask(Task):
    """A vision transformer and images for one of its tasks.

    Attributes
    ----------
    graph : VitGraph
        The integer graph.
    core : VitCoreConfig
        The accelerator's core.
    number : int
        The task.
    """

    golden: ClassVar[str] = "the golden model"
    checks: ClassVar[int] = 10

    graph: VitGraph
    core: VitCoreConfig
    number: int = 0

    @property
    def name(self) -> str:
        """The model's and the task's name."""
        return f"{self.graph.name}, task {self.graph.tasks[self.number]}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the task's classes."""
        return self.graph.heads[self.number].classes

    def read(self, octets: NDArray[np.uint8]) -> Ints:
        """Read scores of all classes, then the experts of each mixture, token by token."""
        scores = np.ascontiguousarray(octets[:, : CLASS_BYTES * self.core.classes]).view(f"<i{CLASS_BYTES}")
        return np.concatenate(
            [scores.astype(np.int64), octets[:, scores.shape[1] * CLASS_BYTES :].astype(np.int64)], axis=1
        )

    def answer(self, outputs: Ints) -> Ints:
        """Give the class of each output: the greatest score, the first of equal ones."""
        found: Ints = outputs[:, : len(self.classes)].argmax(axis=1)
        return found

    @cached_property
    def _images(self) -> Ints:
        size = self.graph.geometry
        return self.codes[:, 1:].reshape(-1, size.channels, size.height, size.width)

    def wanted(self, count: int) -> Ints:
        """Run the golden model."""
        found = run(self.graph, self._images[:count], self.number)
        lacking = self.core.classes - found.logits.shape[1]
        routes = [route.experts.reshape(count, -1) for route in found.routes]
        return np.concatenate([np.pad(found.logits, ((0, 0), (0, lacking))), *routes], axis=1)

    def predict(self, outputs: Ints) -> Ints:
        """Give the cycles of each run by the cycle model: they depend on how many tokens each expert got."""
        return np.array([Machine(self.core).image(0, self.number, self._used(output)) for output in outputs])

    def _routes(self, output: Ints) -> Ints:
        """Give the experts of a run, ``(mixtures, tokens, k)``."""
        return output[self.core.classes :].reshape(self.core.mixtures, self.core.tokens, -1)

    def _used(self, output: Ints) -> list[dict[int, list[int]]]:
        found = []
        for chosen in self._routes(output):
            experts = np.unique(chosen).tolist()
            found.append({expert: np.flatnonzero((chosen == expert).any(axis=1)).tolist() for expert in experts})
        return found

    def describe(self, index: int, output: Ints) -> str:
        """Draw the image and which experts took which patch, name the class."""
        size = self.graph.geometry
        lines = [picture(self._images[index][0].ravel(), (size.height, size.width), int(self._images.max()))]
        layers = [layer for layer in range(size.layers) if mixture(layer)]
        maps = [self._map(routes) for routes in self._routes(output)]
        titles = [f"layer {layer}" for layer in layers]
        width = max(len(line) for lines in maps for line in lines) + 4
        lines += ["", "experts of each patch, best first:", "".join(f"{title:<{width}}" for title in titles).rstrip()]
        lines += ["".join(f"{part:<{width}}" for part in parts).rstrip() for parts in zip(*maps, strict=True)]
        known = self.classes[int(self.answer(output[np.newaxis])[0])]
        truth = f", labelled {self.classes[int(self.labels[index])]}" if len(self.labels) else ""
        lines += ["", f"input {index}: the accelerator says {known}{truth}"]
        return "\n".join(lines)

    def picture(self, index: int, output: Ints) -> tuple[str, bytes]:
        """Draw which expert took which patch."""
        from gatewright.gen.model.vit_picture import expert_map

        size = self.graph.geometry
        known = self.classes[int(self.answer(output[np.newaxis])[0])]
        layers = [layer for layer in range(size.layers) if mixture(layer)]
        title = f"{self.name}, input {index}: {known}"
        return "experts.png", expert_map(size, self._images[index], self._routes(output), layers, title)

    def _map(self, routes: Ints) -> list[str]:
        """Lay the experts of a mixture out as the patches lie; the class token stands above."""
        size = self.graph.geometry
        wide = max(len(str(expert)) for expert in range(size.experts))
        cells = ["+".join(f"{expert:>{wide}}" for expert in token) for token in routes.tolist()]
        rows = [" ".join(cells[1 + row * size.columns : 1 + (row + 1) * size.columns]) for row in range(size.rows)]
        return [f"class token {cells[0]}", *rows]


def vit_task(
    design: Design, settings: Settings, inputs: Path | None = None, name: str | None = None, image: Path | None = None
) -> VitTask:
    """Give a design's model with images from a file, the held-out ones, or random ones.

    Parameters
    ----------
    inputs : Path, optional
        A .npz file with ``images`` and labels, or an array of images.
    name : str, optional
        The task; the model's first if not given.
    image : Path, optional
        A picture in place of all that.

    Raises
    ------
    ModelError, ConfigError
        One line naming the file or the task.
    """
    graph = model_of(settings, design.folder)
    core: VitCoreConfig = design.config.core
    number = find_task(graph, name if name is not None else 0)
    labels = np.zeros(0, np.int64)
    if image is not None:
        pixels = read_picture(graph, image)
    else:
        path = inputs or (find_file(settings.test_data, design.folder, "test_data") if settings.test_data else None)
        if path is None:
            size = graph.geometry
            shape = (16, size.channels, size.height, size.width)
            pixels = np.random.default_rng(0).integers(0, 1 << graph.formats.pixel_bits, shape)
        else:
            pixels, labels = _read(graph, path, number)
    octets = np.concatenate([np.full((len(pixels), 1), number), pixels.reshape(len(pixels), -1)], axis=1)
    return VitTask(codes=octets, labels=labels, graph=graph, core=core, number=number)


def _read(graph: VitGraph, path: Path, number: int) -> tuple[Ints, Ints]:
    """Read images and the task's labels."""
    arrays = read_arrays(path)
    if "images" not in arrays:
        raise ModelError(f"input file {path} must hold an array 'images', not {', '.join(sorted(arrays)) or 'nothing'}")
    try:
        pixels = checked(graph, arrays["images"])
    except ModelError as error:
        raise ModelError(f"input file {path}: {error}") from None
    if len(pixels) == 0:
        raise ModelError(f"input file {path} must hold at least one image, not 0")
    name = graph.tasks[number]
    found: NDArray[Any] | None = arrays.get(name, arrays.get("labels") if number == 0 else None)
    if found is None:
        return pixels, np.zeros(0, np.int64)
    if found.shape != (len(pixels),) or found.dtype.kind not in "iu":
        raise ModelError(
            f"input file {path}: {name} must hold a class index for each image, not {found.dtype} {found.shape}"
        )
    most = len(graph.heads[number].classes) - 1
    if len(found) and not (found.min() >= 0 and found.max() <= most):
        raise ModelError(f"input file {path}: {name} must lie in 0..{most}, not {found.min()}..{found.max()}")
    return pixels, found.astype(np.int64)


def read_picture(graph: VitGraph, path: Path) -> Ints:
    """Read a picture, bring it to the model's size, scale its brightness to pixel codes.

    A picture that is dark on light is inverted: the models know light strokes on dark ground.
    """
    from PIL import Image

    size = graph.geometry
    try:
        with Image.open(path) as file:
            mode = "L" if size.channels == 1 else "RGB"
            small = file.convert(mode).resize((size.width, size.height), Image.Resampling.BOX)
            pixels = np.asarray(small, np.float64)
    except OSError as error:
        raise ModelError(f"image {path} can't be read: {error.strerror or 'it is no picture'}") from None
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if size.channels == 1 and np.median(edge) > 127:
        pixels = 255 - pixels
    most = round(1 / graph.formats.pixel_step)
    codes = np.rint(pixels * min(most, (1 << graph.formats.pixel_bits) - 1) / 255).astype(np.int64)
    return checked(graph, (codes if size.channels == 1 else codes.transpose(2, 0, 1))[np.newaxis])
