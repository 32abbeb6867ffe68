# SPDX-License-Identifier: BSD-2-Clause
"""Map an imported network to the MLP accelerator: settings and model file in, parameters out."""

import json
import zlib
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from gatewright.gen.model.graph import Dense, Network
from gatewright.gen.model.import_onnx import load_model
from gatewright.hw.accel.mlp_core.config import LayerConfig, MlpCoreConfig
from gatewright.hw.accel.qnn_mlp.config import QnnMlpConfig
from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.errors import ConfigError, ModelError


class Settings(RoomConfig):
    """What a user's file sets for the room `qnn_mlp`."""

    room: ClassVar[str] = "qnn_mlp"

    model: str = Field("mlp_digits.onnx", description="ONNX QDQ model; a path relative to this file.")
    test_data: str = Field(
        "", description="Held-out inputs: a .npz file with images and labels, relative to this file; may be empty."
    )
    clock_hz: int = integer(12_000_000, 1_000, 1_000_000_000, unit="Hz", doc="Clock frequency.")
    baud: int = integer(1_000_000, 300, 12_000_000, unit="bits/s", doc="Speed of the serial line.")
    cols: int = integer(8, 1, 64, unit="MACs", doc="Output features computed side by side.")
    depth: int = integer(1, 1, 64, unit="MACs", doc="Input features taken per cycle; a power of two.")
    multiplier: Literal["plain", "booth", "dsp"] = choice("plain", doc="How the array's products are built.")
    engine: Literal["parallel", "serial"] = choice("parallel", doc="How the requantiser multiplies.")


def map_settings(settings: Settings, folder: Path) -> tuple[QnnMlpConfig, dict[str, bytes]]:
    """Import the model and lay its layers out.

    Parameters
    ----------
    settings : Settings
        Geometry and files.
    folder : Path
        What the paths in the settings are relative to; shipped models are found from anywhere.

    Returns
    -------
    QnnMlpConfig
        Parameters of the accelerator, weights included.
    dict
        The model file, and the held-out inputs if there are any, by the names in the settings.

    Raises
    ------
    ModelError, ConfigError
        One line naming the file or the layer.
    """
    path = find_file(settings.model, folder, "model")
    network = load_model(path)
    assets = {settings.model: path.read_bytes()}
    if settings.test_data:
        assets[settings.test_data] = find_file(settings.test_data, folder, "test_data").read_bytes()
    core = MlpCoreConfig(
        cols=settings.cols, depth=settings.depth, multiplier=settings.multiplier, engine=settings.engine,
        layers=tuple(layer_of(layer) for layer in signed_network(network)),
    )  # fmt: skip
    identity = zlib.crc32(json.dumps(settings.model_dump()).encode() + assets[settings.model])
    config = QnnMlpConfig(clock_hz=settings.clock_hz, baud=settings.baud, design_id=identity, core=core)
    return config, assets


def network_of(settings: Settings, folder: Path) -> Network:
    """Import the network that settings name."""
    return load_model(find_file(settings.model, folder, "model"))


def find_file(name: str, folder: Path, field: str) -> Path:
    """Find a file relative to the config, or among the shipped ones."""
    shipped = Path(__file__).parent.parent / "presets"
    for place in (folder, shipped):
        if name and (place / name).is_file():
            return place / name
    raise ConfigError(f"qnn_mlp.{field} must name a file, not {name!r}: there is none of that name in {folder}")


def signed_network(network: Network) -> tuple[Dense, ...]:
    """Bring all activations to signed 8 bits.

    Codes of an unsigned tensor move down by 128, its zero point with them; the consumer's bias
    takes up ``128 * sum(weights)``. Nothing is rounded.

    Raises
    ------
    ModelError
        If the input is unsigned or an activation is not 8 bits wide.
    """
    if not network.input.signed:
        raise ModelError(
            f"network {network.name}: input must be int8 for qnn_mlp, not uint8; quantise it to int8 when exporting"
        )
    layers: list[Dense] = []
    offset = 0
    for layer in network.layers:
        if layer.output.bits != 8:
            raise ModelError(f"layer {layer.name}: output must have 8 bits for qnn_mlp, not {layer.output.bits}")
        bias = layer.bias.astype(np.int64) + offset * layer.weights.astype(np.int64).sum(axis=1)
        offset = 0 if layer.output.signed else 128
        form = type(layer.output)(layer.output.scale, layer.output.zero_point - offset, 8, True)
        previous = layers[-1].output if layers else network.input
        layers.append(
            Dense(
                layer.name, layer.weights, bias, layer.multiplier, layer.shift, layer.relu, previous, form
            )
        )
    if offset:
        raise ModelError(
            f"network {network.name}: output must be int8 for qnn_mlp, not uint8; quantise it to int8 when exporting"
        )
    return tuple(layers)


def layer_of(layer: Dense) -> LayerConfig:
    """Write a layer as plain numbers."""
    return LayerConfig(
        inputs=layer.inputs, outputs=layer.outputs,
        weights=tuple(layer.weights.reshape(-1).tolist()), bias=tuple(layer.bias.tolist()),
        multiplier=tuple(layer.multiplier.tolist()), shift=tuple(layer.shift.tolist()),
        zero_point=layer.output.zero_point, relu=layer.relu,
    )  # fmt: skip
