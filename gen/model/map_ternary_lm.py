# SPDX-License-Identifier: BSD-2-Clause
"""Map an imported language model to its accelerator: settings and model files in, parameters out."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from gatewright.gen.flow.synth import SynthOptions
from gatewright.gen.model.import_lm import load_lm
from gatewright.gen.model.lm_graph import SHIFT_MIN, Attention, LmBlock, LmGraph, Octets, Scale
from gatewright.gen.model.map_files import model_files
from gatewright.gen.model.map_qnn_mlp import find_file
from gatewright.hw.accel.lm_core.config import LmCoreConfig
from gatewright.hw.accel.lm_core.constants import EMBED_DIGITS, ROW_DIGITS, Scales, pack_trits
from gatewright.hw.accel.lm_core.program import interleaved
from gatewright.hw.accel.ternary_lm.config import TernaryLmConfig
from gatewright.hw.accel.vit_core.constants import pack_rows
from gatewright.hw.core.config import RoomConfig, choice, integer
from gatewright.hw.core.errors import ConfigError
from gatewright.hw.core.numerics import Ints

FORMATS = (
    "embed_shift", "epsilon", "mixer_epsilon", "ffn_epsilon", "state_epsilon", "gain_bits", "gain_fraction",
    "guard_bits", "score_bits", "score_fraction", "probability_bits", "gate_bits", "gate_fraction", "middle_bits",
    "middle_fraction", "up_bits",
)  # fmt: skip

INT8_DIGITS = 6  # to base 3, of -128..127


class LmSettings(RoomConfig):
    """What a user's file sets for any language model accelerator."""

    model: str = Field(
        "kjv_transformer.safetensors",
        description="Weights; its configuration has the same name with .json. A path relative to this file.",
    )
    clock_hz: int = integer(12_000_000, 1_000, 1_000_000_000, unit="Hz", doc="Clock frequency.")
    baud: int = integer(1_000_000, 300, 12_000_000, unit="bits/s", doc="Speed of the serial line.")


class Settings(LmSettings):
    """What a user's file sets for the room `ternary_lm`."""

    room: ClassVar[str] = "ternary_lm"

    inputs_per_cycle: int = integer(128, 1, 512, doc="Activations that meet weights in a cycle.")
    outputs_per_cycle: int = integer(8, 2, 16, doc="Outputs whose weights they meet; even.")
    method: Literal["select", "fold"] = choice("fold", doc="The engine's method, see tlmm.")
    group: int = integer(4, 1, 32, doc="Activations of a group of the engine; divides inputs_per_cycle.")
    packing: Literal["engine", "two_bit", "base3_g4", "base3_g5"] = choice("base3_g5", doc="How weights are stored.")
    parallel: int = integer(4, 1, 64, doc="Query heads that attend at a time; divides those of a key head.")
    read_tokens: int = integer(1, 1, 16, doc="Tokens whose keys or values are read in a cycle.")
    logic_products: int = integer(64, 0, 4096, doc="Multipliers of attention that are made of LUTs.")
    context: int = integer(0, 0, 4096, unit="tokens", doc="Tokens that the cache holds; 0: the model's context.")
    request_tokens: int = integer(16, 1, 255, unit="tokens", doc="Room for tokens in a request.")

    def check(self) -> None:
        """Check that groups fill a block."""
        wide = self.inputs_per_cycle
        self.require(wide % self.group == 0, f"group must divide inputs_per_cycle = {wide}, not {self.group}")


@cache
def graph_of(path: Path) -> LmGraph:
    """Import a model; once for each file."""
    return load_lm(path)


def model_of(settings: LmSettings, folder: Path) -> LmGraph:
    """Import the model that settings name."""
    return graph_of(find_file(settings.model, folder, "model"))


def map_settings(settings: Settings, folder: Path) -> tuple[TernaryLmConfig, dict[str, bytes]]:
    """Import the model and lay it out.

    Parameters
    ----------
    settings : Settings
        Geometry of the hardware, and files.
    folder : Path
        What the paths in the settings are relative to; shipped models are found from anywhere.

    Returns
    -------
    TernaryLmConfig
        Parameters of the accelerator, weights included.
    dict
        The model's files by the names in the settings.

    Raises
    ------
    ModelError, ConfigError
        One line naming the file, the tensor or the parameter.
    """
    path, assets, identity = model_files(settings, folder)
    graph = graph_of(path)
    core = LmCoreConfig(**core_values(settings, graph))
    return TernaryLmConfig(clock_hz=settings.clock_hz, baud=settings.baud, design_id=identity, core=core), assets


def core_values(settings: Settings, graph: LmGraph) -> dict[str, Any]:
    """Give the core's parameters for a model.

    Raises
    ------
    ConfigError
        If the core can't run it so: one line.
    """
    size, form, half = graph.geometry, graph.formats, settings.outputs_per_cycle // 2
    if settings.context > size.context:
        raise ConfigError(
            f"ternary_lm.context must be at most {size.context}, the context of {graph.name}, not {settings.context}"
        )
    head = digits(graph.head, settings.outputs_per_cycle)
    values: dict[str, Any] = {
        "family": size.family, "vocab": size.vocab, "features": size.dim, "layers": size.layers, "hidden": size.ff,
        "context": settings.context or size.context, "gate": graph.gate, "act": graph.act,
        "gate_shift": graph.gated_config.shift,
        **{name: getattr(form, name) for name in FORMATS},
        **{name: getattr(settings, name)
           for name in ("outputs_per_cycle", "method", "group", "packing", "request_tokens")},
        "groups": settings.inputs_per_cycle // settings.group,
        "embed": pack_rows(graph.embed.astype(np.int64), EMBED_DIGITS),
        "gains": pack_rows(np.array([gain for block in graph.blocks for gain in (block.norm1, block.norm2)]
                                    + [graph.norm]), ROW_DIGITS),
        "mixer_gains": pack_rows(np.array([block.mixer.sub_norm for block in graph.blocks]), ROW_DIGITS),
        "ffn_gains": pack_rows(np.array([block.mlp.sub_norm for block in graph.blocks]), ROW_DIGITS),
        "weights": (*(pack_trits(matrix) for block in graph.blocks for matrix in _matrices(graph, block, half)),
                    pack_trits(head)),
        "head_digits": 1 if len(head) == len(graph.head) else INT8_DIGITS,
        "scales": tuple(scale for block in graph.blocks for scale in _scales(block)),
    }  # fmt: skip
    if size.family == "transformer":
        names = ("heads", "kv_heads", "head_dim")
        values |= {name: getattr(size, name) for name in names}
        values |= {
            "parallel": settings.parallel, "read_tokens": settings.read_tokens,
            "logic_products": settings.logic_products, "rope_shift": form.rope_shift, "rope_base": graph.rope_base,
            "attention_scales": tuple(
                (*_pair(block.mixer.score), *_pair(block.mixer.out))
                for block in graph.blocks if isinstance(block.mixer, Attention)
            ),
        }  # fmt: skip
        return values
    recurrent = [block.mixer for block in graph.blocks if not isinstance(block.mixer, Attention)]
    return values | {
        "state_shift": form.state_shift, "state_gate_shift": graph.state_gate_config.shift,
        "state_gains": pack_rows(np.array([mixer.state_norm for mixer in recurrent]), ROW_DIGITS),
        "bounds": pack_rows(np.array([mixer.bound for mixer in recurrent]), ROW_DIGITS),
    }  # fmt: skip


def _matrices(graph: LmGraph, block: LmBlock, half: int) -> Iterator[Octets]:
    """Give a layer's matrices as the core uses them."""
    mixer, mlp, dim = block.mixer, block.mlp, graph.geometry.head_dim
    if isinstance(mixer, Attention):
        turned = [layer.weights[paired(len(layer.weights), dim)] for layer in (mixer.q, mixer.k)]
        yield np.concatenate([*turned, mixer.v.weights])
    else:
        yield np.concatenate([interleaved(list(mixer.f.weights), list(mixer.i.weights), half), mixer.g.weights])
    yield mixer.o.weights
    yield np.array(interleaved(list(mlp.gate.weights), list(mlp.up.weights), half))
    yield mlp.down.weights


def digits(head: Octets, beat: int) -> Octets:
    """Give a head's weights as trits: themselves, or digits to base 3, beat by beat of outputs, the highest first."""
    if np.abs(head.astype(np.int64)).max(initial=0) <= 1:
        return head
    left, found = np.pad(head.astype(np.int64), ((0, -len(head) % beat), (0, 0))), []
    for _ in range(INT8_DIGITS):
        digit = (left + 1) % 3 - 1
        left = (left - digit) // 3
        found.append(digit.reshape(-1, 1, beat, head.shape[1]))
    return np.concatenate(found[::-1], axis=1).reshape(-1, head.shape[1]).astype(np.int8)


def paired(count: int, head_dim: int) -> Ints:
    """Give the order of features in which those that rotate together lie side by side, head by head."""
    order = np.arange(head_dim).reshape(2, -1).T.ravel()
    return (np.arange(0, count, head_dim)[:, np.newaxis] + order).ravel()


def _pair(scale: Scale) -> tuple[int, int]:
    return scale.multiplier, scale.shift - SHIFT_MIN


def _scales(block: LmBlock) -> Iterator[Scales]:
    """Give the scales of a layer's parts in order."""
    mixer, mlp = block.mixer, block.mlp
    if isinstance(mixer, Attention):
        for layer in (mixer.q, mixer.k, mixer.v):
            yield (*_pair(layer.scale), *_pair(layer.scale))
    else:
        yield (*_pair(mixer.f.scale), *_pair(mixer.i.scale))
        yield (*_pair(mixer.g.scale), *_pair(mixer.g.scale))
    yield (*_pair(mixer.o.scale), *_pair(mixer.o.scale))
    yield (*_pair(mlp.gate.scale), *_pair(mlp.up.scale))
    yield (*_pair(mlp.down.scale), *_pair(mlp.down.scale))


def synthesis(config: TernaryLmConfig, family: str) -> SynthOptions:
    """Name the synthesis options that suit the accelerator.

    ``rw_check`` may be off: no memory here is read in the cycle in which the same word is written, or what is read
    then is not used.
    """
    ecp5 = family == "ecp5"
    return SynthOptions(rw_check=False, carry_luts=ecp5, wide_luts=not ecp5)
