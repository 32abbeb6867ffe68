# SPDX-License-Identifier: BSD-2-Clause
"""Map an imported vision transformer to its accelerator: settings and model files in, parameters out."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from gatewright.gen.flow.synth import SynthOptions
from gatewright.gen.model.import_vit import load_vit
from gatewright.gen.model.map_files import model_files
from gatewright.gen.model.map_qnn_mlp import find_file
from gatewright.gen.model.vit_graph import SHIFT_MIN, Block, Linear, Mlp, VitGraph
from gatewright.hw.accel.moe_vit.config import MoeVitConfig
from gatewright.hw.accel.vit_core.config import VitCoreConfig
from gatewright.hw.accel.vit_core.constants import NORM_DIGITS, POSITION_DIGITS, pack_rows
from gatewright.hw.accel.vit_core.words import pack_columns, pack_matrix
from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.errors import ModelError
from gatewright.hw.core.numerics import Ints
from gatewright.hw.moe.moe_gate.weights import rows_of


class Settings(RoomConfig):
    """What a user's file sets for the room `moe_vit`."""

    room: ClassVar[str] = "moe_vit"

    model: str = Field(
        "moe_vit_digits.safetensors",
        description="Weights; its configuration has the same name with .json. A path relative to this file.",
    )
    test_data: str = Field(
        "", description="Held-out inputs: a .npz file with images and labels, relative to this file; may be empty."
    )
    clock_hz: int = integer(12_000_000, 1_000, 1_000_000_000, unit="Hz", doc="Clock frequency.")
    baud: int = integer(1_000_000, 300, 12_000_000, unit="bits/s", doc="Speed of the serial line.")
    inputs_per_cycle: int = integer(8, 1, 64, doc="Activations that meet weights in a cycle; a power of two.")
    outputs_per_cycle: int = integer(8, 1, 64, doc="Outputs whose weights they meet.")
    lanes: int = integer(1, 1, 16, doc="Results finished per cycle.")
    method: Literal["auto", "multiply", "select", "fold"] = choice(
        "auto", doc="How weights are multiplied; auto multiplies int8 weights and folds ternary ones."
    )
    group: int = integer(4, 1, 32, doc="Activations of a group of method fold; divides inputs_per_cycle.")
    parallel: int = integer(4, 1, 32, doc="Queries that the attention works on at a time.")
    attention_lanes: int = integer(8, 1, 16, doc="Multipliers of each of them, once for scores and once for sums.")


@cache
def graph_of(path: Path) -> VitGraph:
    """Import a model; once for each file."""
    return load_vit(path)


def model_of(settings: Settings, folder: Path) -> VitGraph:
    """Import the model that settings name."""
    return graph_of(find_file(settings.model, folder, "model"))


def map_settings(settings: Settings, folder: Path) -> tuple[MoeVitConfig, dict[str, bytes]]:
    """Import the model and lay it out.

    Parameters
    ----------
    settings : Settings
        Geometry of the hardware, and files.
    folder : Path
        What the paths in the settings are relative to; shipped models are found from anywhere.

    Returns
    -------
    MoeVitConfig
        Parameters of the accelerator, weights included.
    dict
        The model's files, and the held-out inputs if there are any, by the names in the settings.

    Raises
    ------
    ModelError, ConfigError
        One line naming the file, the tensor or the parameter.
    """
    path, assets, identity = model_files(settings, folder)
    graph = graph_of(path)
    if settings.test_data:
        assets[settings.test_data] = find_file(settings.test_data, folder, "test_data").read_bytes()
    core = VitCoreConfig(**core_values(settings, graph))
    return MoeVitConfig(clock_hz=settings.clock_hz, baud=settings.baud, design_id=identity, core=core), assets


def core_values(settings: Settings, graph: VitGraph, store: str = "constant") -> dict[str, Any]:
    """Give the parameters of the core for a model."""
    size, form = graph.geometry, graph.formats
    ternary = all(layer.ternary for layer in layers(graph))
    method = settings.method if settings.method != "auto" else "fold" if ternary else "multiply"
    if method != "multiply" and not ternary:
        raise ModelError(f"{graph.name}: weights must be ternary for method {method}; use method multiply")
    lanes = settings.lanes
    values: dict[str, Any] = {
        "channels": size.channels, "height": size.height, "width": size.width, "patch": size.patch,
        "features": size.dim, "layers": size.layers, "hidden": size.ff, "expert_hidden": size.expert_ff,
        "tasks": len(graph.heads), "classes": max(len(head.classes) for head in graph.heads), "method": method,
        "inputs_per_cycle": settings.inputs_per_cycle, "outputs_per_cycle": settings.outputs_per_cycle,
        "group": 1 if method == "multiply" else settings.group, "lanes": lanes, "store": store,
        "attention": {
            "heads": size.heads, "head_dim": size.head_dim, "parallel": settings.parallel,
            "lanes": settings.attention_lanes, "score_bits": form.score_bits, "prob_bits": form.probability_bits,
            "softmax": {"algorithm": "exact", "scale": 1, "scale_fraction": form.score_fraction},
        },
        "norm": {**graph.norm_config.model_dump(), "lanes": lanes},
        "gate": {**_gates(graph), "lanes": lanes},
        "activation": {**graph.gelu_config.model_dump(), "lanes": lanes},
        "positions": pack_rows(graph.pos, POSITION_DIGITS),
        **_norms(graph),
        "attention_scales": tuple(
            (scale.score.multiplier, scale.score.shift - SHIFT_MIN, scale.out.multiplier, scale.out.shift - SHIFT_MIN)
            for scale in (block.attention for block in graph.blocks)
        ),
    }  # fmt: skip
    if store == "constant":
        values["weights"] = tuple(pack_matrix(layer.weights) for layer in layers(graph))
        values["params"] = tuple(
            pack_columns(layer.bias, layer.multiplier, layer.shift - SHIFT_MIN) for layer in layers(graph)
        )
    return values


def layers(graph: VitGraph) -> Iterator[Linear]:
    """Give all linear layers, in the order of their matrices' numbers in the core."""
    yield graph.patch
    for block in graph.blocks:
        yield from (block.attention.qkv, block.attention.proj)
        for mlp in [block.mlp] if isinstance(block.mlp, Mlp) else block.mlp.experts:
            yield from (mlp.fc1, mlp.fc2)
    for head in graph.heads:
        yield head.linear


def _gates(graph: VitGraph) -> dict[str, Any]:
    """Give the gate's parameters: a matrix for each mixture and task."""
    size, form = graph.geometry, graph.formats
    mixtures = [block.mlp for block in graph.blocks if not isinstance(block.mlp, Mlp)]
    scales = [scale for mixture in mixtures for scale in mixture.scales]
    return {
        "experts": size.experts, "k": size.top_k, "over": graph.over, "score_bits": form.gate_bits,
        "scale": 1, "scale_fraction": form.gate_fraction, "weight_bits": form.weight_bits, "gates": len(scales),
        "multipliers": tuple(scale.multiplier for scale in scales), "shifts": tuple(scale.shift for scale in scales),
        "weights": tuple(row for mixture in mixtures for row in rows_of(mixture.gates)),
    }  # fmt: skip


def _norms(graph: VitGraph) -> dict[str, Any]:
    """Give gains and biases in the order of the norms."""

    def pair(block: Block) -> tuple[Any, Any]:
        return block.norm1, block.norm2

    norms = [norm for block in graph.blocks for norm in pair(block)] + [graph.norm]
    biases: list[Ints] = [norm.bias for norm in norms if norm.bias is not None]
    return {
        "gains": pack_rows(np.array([norm.gain for norm in norms]), NORM_DIGITS),
        "biases": pack_rows(np.array(biases), NORM_DIGITS) if biases else (),
    }


def synthesis(config: MoeVitConfig, family: str) -> SynthOptions:
    """Name the synthesis options that suit the accelerator.

    ``rw_check`` may be off: no memory here is read in the cycle in which the same word is written, or what is read
    then is not used.
    """
    ecp5 = family == "ecp5"
    return SynthOptions(rw_check=False, carry_luts=ecp5, wide_luts=not ecp5)
