# SPDX-License-Identifier: BSD-2-Clause
"""Vectors for the ternary accelerator: a user's, or random."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.gen.design import Design
from gatewright.gen.model.arrays import read_arrays
from gatewright.gen.model.map_ternary_linear import Settings, weights_of
from gatewright.gen.task import Task
from gatewright.hw.accel.ternary_core.config import WORD_BYTES, TernaryCoreConfig
from gatewright.hw.accel.ternary_core.golden import golden
from gatewright.hw.accel.ternary_core.words import load_payloads
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints
from gatewright.hw.core.ports import Beats

VECTORS = 4
SHOWN = 8


@dataclass(frozen=True, eq=False, kw_only=True)
class MatrixTask(Task):
    """Vectors for a ternary matrix.

    Attributes
    ----------
    title : str
        The design's name.
    core : TernaryCoreConfig
        The core, which may hold the weights.
    """

    checks: ClassVar[int] = 3  # replies are long, and each octet costs a netlist 10 bits of simulated line

    title: str
    core: TernaryCoreConfig

    @property
    def name(self) -> str:
        """The design and its matrix."""
        return f"{self.title}: {self.core.out_features} x {self.core.in_features} ternary weights"

    def read(self, octets: NDArray[np.uint8]) -> Ints:
        """Read sums of 32 bits."""
        return np.ascontiguousarray(octets).view("<i4").astype(np.int64)

    def wanted(self, count: int) -> Ints:
        """Run the core's golden model, weights first."""
        packets = [np.frombuffer(load, np.int8).astype(np.int64) for load in self.loads]
        packets += list(self.codes[:count])
        size = self.core.in_features
        ends = np.tile((np.arange(size) == size - 1).astype(np.int64), len(packets))
        beats: Beats = {"data": np.concatenate(packets), "last": ends, "good": ends}
        if self.core.loaded:
            beats["load"] = np.repeat([1] * len(self.loads) + [0] * count, size)
        replies = golden(self.core, {"i": beats})["o"]["data"][WORD_BYTES * len(self.loads) :]
        octets = replies.astype(np.int8).view(np.uint8).reshape(count, -1)
        return self.read(octets[:, :-WORD_BYTES])

    def describe(self, index: int, output: Ints) -> str:
        """Show the first numbers of both sides."""
        sides = [", ".join(map(str, side[:SHOWN].tolist())) for side in (self.codes[index], output)]
        return f"input {index}: {sides[0]}, ... gives {sides[1]}, ..."

    def figures(self, cycles: int) -> dict[str, float]:
        """Set the work of a run beside what the engine could do."""
        core = self.core
        done = core.macs / cycles
        return {
            "macs_per_cycle": round(done, 3),
            "macs_per_cycle_at_most": core.macs_per_cycle,
            "utilisation": round(done / core.macs_per_cycle, 5),
        }


def matrix_task(design: Design, settings: Settings, inputs: Path | None = None) -> MatrixTask:
    """Give a design's matrix with vectors from a file or random ones; the second of these is the least everywhere."""
    core: TernaryCoreConfig = design.config.core
    if inputs is None:
        codes = np.random.default_rng(settings.seed + 1).integers(-128, 128, (VECTORS, core.in_features))
        codes[1] = -128
    else:
        codes = read_vectors(core, inputs)
    loads = load_payloads(core, weights_of(settings, design.folder)[0].astype(np.int64)) if core.loaded else ()
    return MatrixTask(title=design.name, core=core, codes=codes, loads=loads)


def read_vectors(core: TernaryCoreConfig, path: Path) -> Ints:
    """Read vectors (count, in_features) of octets."""
    vectors = next(iter(read_arrays(path).values()))
    if vectors.dtype.kind not in "iu" or vectors.ndim != 2 or vectors.shape[1] != core.in_features or not len(vectors):
        raise ModelError(
            f"input file {path} must hold integers of shape (inputs, {core.in_features}), not {vectors.dtype} of "
            f"{vectors.shape}"
        )
    wrong = vectors[(vectors < -128) | (vectors > 127)]
    if wrong.size:
        raise ModelError(f"input file {path} must hold values in -128..127, not {wrong[0]}")
    return vectors.astype(np.int64)
