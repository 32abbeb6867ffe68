# SPDX-License-Identifier: BSD-2-Clause
"""Inputs for a network on the MLP accelerator: held-out ones, a user's, or random."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.design import Design
from gatewright.gen.model.arrays import read_arrays
from gatewright.gen.model.golden_network import flatten, run
from gatewright.gen.model.graph import Ints, Network
from gatewright.gen.model.map_qnn_mlp import Settings, find_file, network_of
from gatewright.gen.task import Task
from gatewright.hw.core.errors import ModelError


@dataclass(frozen=True, eq=False, kw_only=True)
class NetworkTask(Task):
    """A network and inputs for it.

    Attributes
    ----------
    network : Network
        The integer graph.
    """

    golden: ClassVar[str] = "the golden network"

    network: Network

    @property
    def name(self) -> str:
        """The network's name."""
        return self.network.name

    def read(self, octets: NDArray[np.uint8]) -> Ints:
        """Read signed octets."""
        return octets.view(np.int8).astype(np.int64)

    def wanted(self, count: int) -> Ints:
        """Run the golden network."""
        return run(self.network, self.codes[:count])[-1]

    def describe(self, index: int, output: Ints) -> str:
        """Draw the input, if it is a picture, and name its class."""
        network = self.network
        lines = []
        if len(network.input_shape) >= 2:
            lines.append(picture(self.codes[index], network.input_shape, int(self.codes.max())))
        truth = f", labelled {network.classes[int(self.labels[index])]}" if len(self.labels) else ""
        lines.append(f"input {index}: the accelerator says {network.classes[int(output.argmax())]}{truth}")
        return "\n".join(lines)


def network_task(design: Design, settings: Settings, inputs: Path | None = None) -> NetworkTask:
    """Give a design's network with inputs from a file, the held-out ones, or random ones."""
    network = network_of(settings, design.folder)
    path = inputs or (find_file(settings.test_data, design.folder, "test_data") if settings.test_data else None)
    if path is None:
        rng = np.random.default_rng(0)
        codes = rng.integers(network.input.low, network.input.high, (16, network.features))
        return NetworkTask(network=network, codes=codes)
    return read_task(network, path)


def read_task(network: Network, path: Path) -> NetworkTask:
    """Read inputs, and labels if the file has them."""
    arrays = read_arrays(path)
    if "images" not in arrays:
        raise ModelError(f"input file {path} must hold an array 'images', not {', '.join(sorted(arrays)) or 'nothing'}")
    codes = checked(network, arrays["images"], path)
    if len(codes) == 0:
        raise ModelError(f"input file {path} must hold at least one input, not 0")
    if "labels" not in arrays:
        return NetworkTask(network=network, codes=codes)
    return NetworkTask(
        network=network, codes=codes, labels=read_labels(network, arrays["labels"], len(codes), path)
    )  # fmt: skip


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
    try:
        return flatten(network, array)
    except ModelError as error:
        raise ModelError(f"input file {path}: {error}") from None


def picture(codes: Ints, shape: tuple[int, ...], high: int) -> str:
    """Draw one image with block characters, two pixels high per line."""
    image = np.clip(codes.reshape(shape[-2:]) / max(1, high), 0, 1)
    shades = " .:-=+*#%@"
    rows = ["".join(shades[round(value * (len(shades) - 1))] * 2 for value in row) for row in image]
    return "\n".join(rows)
