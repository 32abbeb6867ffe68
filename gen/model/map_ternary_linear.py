# SPDX-License-Identifier: BSD-2-Clause
"""Map a ternary matrix to the ternary accelerator: settings and weights in, parameters out."""

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gatewright.gen.flow.synth import SynthOptions
from gatewright.gen.model.arrays import read_arrays
from gatewright.gen.ternary.choose import choose
from gatewright.hw.accel.ternary_core.config import TernaryCoreConfig, rows_of
from gatewright.hw.accel.ternary_linear.config import TernaryLinearConfig
from gatewright.hw.core.config import RoomConfig, choice, flag, integer
from gatewright.hw.core.errors import ConfigError, ModelError
from gatewright.hw.ternary.ternary_matvec.config import WeightPacking
from gatewright.hw.ternary.tlmm.config import Storage
from gatewright.hw.ternary.tlmm.plan import Method

Trits = NDArray[np.int8]


class Settings(RoomConfig):
    """What a user's file sets for the room `ternary_linear`."""

    room: ClassVar[str] = "ternary_linear"

    weights: str = Field(
        "random", description='"random", or a .npy or .npz file with an int8 matrix (outputs, inputs) of -1, 0, 1.'
    )
    seed: int = integer(0, 0, 1 << 32, doc="Seed of random weights.")
    in_features: int = integer(96, 1, 65535, doc="Columns of the matrix: octets of an input.")
    out_features: int = integer(64, 1, 16383, doc="Rows of the matrix: sums of an output.")
    method: Literal["auto", Method] = choice(
        "half",
        doc="The engine's method, see tlmm; auto takes the cheapest for the family that multiplies as many weights a "
        "cycle as group * groups * outputs_per_cycle.",
    )
    family: Literal["ecp5", "ice40", "gowin", "xilinx"] = choice("ecp5", doc="Whose cells method auto counts.")
    engine_rams: int = integer(32, 0, 4096, doc="Block RAMs that method auto may take for tables and kept sums.")
    group: int = integer(3, 1, 32, doc="Activations of a group of the engine.")
    groups: int = integer(8, 1, 128, doc="Groups in a block of activations.")
    outputs_per_cycle: int = integer(4, 1, 128, doc="Outputs whose weights meet a block in one cycle.")
    storage: Storage = choice("distributed", doc="Where the engine's tables live.")
    overlap: bool = flag(False, doc="Build the next tables while one is read.")
    packing: WeightPacking = choice(
        "engine", doc="How weights are stored: in the engine's own codes, or packed (methods select and fold)."
    )
    lanes: int = integer(1, 1, 8, unit="octets", doc="Activations read per cycle; a power of two.")
    store: Literal["constant", "block", "spram"] = choice(
        "constant", doc="Where weights live: in the bitstream, or loaded by `run` into block RAM or one-port RAM."
    )
    clock_hz: int = integer(12_000_000, 1_000, 1_000_000_000, unit="Hz", doc="Clock frequency.")
    baud: int = integer(1_000_000, 300, 12_000_000, unit="bits/s", doc="Speed of the serial line.")


GEOMETRY = (
    "in_features", "out_features", "method", "group", "groups", "outputs_per_cycle", "storage", "overlap", "packing",
    "lanes", "store",
)  # fmt: skip


CHOSEN = ("method", "group", "groups", "storage", "overlap")  # by method auto


def map_settings(settings: Settings, folder: Path) -> tuple[TernaryLinearConfig, dict[str, bytes]]:
    """Read the weights and lay them out.

    Parameters
    ----------
    settings : Settings
        Geometry and weights.
    folder : Path
        What the path of the weights is relative to.

    Returns
    -------
    TernaryLinearConfig
        Parameters of the accelerator, constant weights included.
    dict
        The file of weights, if there is one, by its name in the settings.

    Raises
    ------
    ModelError, ConfigError
        One line naming the file or the parameter.
    """
    matrix, assets = weights_of(settings, folder)
    geometry = {name: getattr(settings, name) for name in GEOMETRY} | chosen(settings)[0]
    rows = rows_of(matrix.astype(np.int64)) if settings.store == "constant" else ()
    core = TernaryCoreConfig(**geometry, weights=rows)
    identity = zlib.crc32(json.dumps(settings.model_dump()).encode() + matrix.tobytes())
    config = TernaryLinearConfig(clock_hz=settings.clock_hz, baud=settings.baud, design_id=identity, core=core)
    return config, assets


@cache
def chosen(settings: Settings) -> tuple[dict[str, Any], str]:
    """Give what method ``auto`` sets, and the line that says why; nothing if the method is named.

    Raises
    ------
    ConfigError
        If no method keeps the engine busy with so few block RAMs.
    """
    if settings.method != "auto":
        return {}, ""
    rate = settings.outputs_per_cycle
    block = settings.group * settings.groups
    try:
        engine, reason = choose(
            settings.family, 8, rate, block * rate, -(-settings.out_features // rate), settings.engine_rams,
            blocks_max=-(-settings.in_features // block),
        )  # fmt: skip
    except ConfigError:
        raise ConfigError(
            f"ternary_linear.engine_rams must hold the sums between blocks, not {settings.engine_rams}: no method for "
            f"{settings.family} takes {block * rate} weights a cycle with so few; raise it, or name a method"
        ) from None
    found: dict[str, Any] = {name: getattr(engine, name) for name in CHOSEN}
    return found | {"packing": "engine" if engine.has_tables else settings.packing}, reason


def notes(settings: Settings) -> tuple[str, ...]:
    """Say what the generator decided."""
    reason = chosen(settings)[1]
    return (f"method: {reason}",) if reason else ()


def synthesis(config: TernaryLinearConfig, family: str) -> SynthOptions:
    """Name the synthesis options that suit the accelerator.

    ``rw_check`` may be off: no memory here is read in the cycle in which the same word is written, or
    what is read then is not used. Sums are written while none is read out, octets while no run reads them,
    kept sums at other addresses (see `tlmm`), weights while none are played.
    """
    ecp5 = family == "ecp5"
    return SynthOptions(
        dsp=False, rw_check=False, carry_luts=ecp5, wide_luts=not ecp5,
        spram=family == "ice40" and config.core.store == "spram",
    )  # fmt: skip


def weights_of(settings: Settings, folder: Path) -> tuple[Trits, dict[str, bytes]]:
    """Give the matrix (out_features, in_features) that settings name, and its file."""
    shape = (settings.out_features, settings.in_features)
    if settings.weights == "random":
        return np.random.default_rng(settings.seed).integers(-1, 1, shape, np.int8, endpoint=True), {}
    path = folder / settings.weights
    if not path.is_file():
        raise ConfigError(
            f'ternary_linear.weights must be "random" or name a file, not {settings.weights!r}: '
            f"there is none of that name in {folder}"
        )
    matrix = next(iter(read_arrays(path, "weights").values()))
    if matrix.dtype.kind not in "iu" or matrix.ndim != 2:
        raise ModelError(
            f"weights file {path} must hold integers of shape (outputs, inputs), not {matrix.dtype} of {matrix.shape}"
        )
    if matrix.shape != shape:
        raise ModelError(
            f"weights file {path} has {matrix.shape[0]} outputs and {matrix.shape[1]} inputs, not {shape[0]} and "
            f"{shape[1]}; set out_features and in_features"
        )
    wrong = matrix[(matrix < -1) | (matrix > 1)] if matrix.dtype.kind == "i" else matrix[matrix > 1]
    if wrong.size:
        raise ModelError(f"weights file {path} must hold only -1, 0 and 1, not {wrong[0]}")
    return matrix.astype(np.int8), {settings.weights: path.read_bytes()}
