# SPDX-License-Identifier: BSD-2-Clause
"""Import ternary language models: tensors in safetensors and a JSON configuration become the integer graph.

Everything follows from these two files. A matrix is of type F32, and then its weights are rounded to -1, 0 or 1
steps of its mean magnitude; or it is ternary already: U8 in Hugging Face's packing for BitNet, with its step as
``NAME_scale`` beside it. Names are those of Hugging Face's BitNet, and in family mlgru alike. Gains and embeddings
are rounded to the nearest of their codes, rescale ratios to 16 bits.

Blocks are built when they are asked for: `quantise` gives a graph that holds none, `load_lm` one that holds all.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import frexp
from pathlib import Path
from typing import overload

import numpy as np

from gatewright.gen.model.graph import Ints
from gatewright.gen.model.import_vit import int8_matrix
from gatewright.gen.model.import_vit import rescale as nearest
from gatewright.gen.model.lm_config import LmConfig, read_config
from gatewright.gen.model.lm_graph import (
    ACTIVATION_BITS,
    DYNAMIC_SHIFT_MAX,
    FORGET_BITS,
    RESIDUAL_BITS,
    SHIFT_MAX,
    WIDE_BITS,
    Attention,
    GatedMlp,
    LmBlock,
    LmGraph,
    Mlgru,
    Octets,
    Scale,
    TernaryLinear,
    gate_config,
)
from gatewright.gen.model.lm_sizes import ROPE_SHIFT_MAX, LmFormats
from gatewright.gen.model.lm_tensors import PackedTensors, Reader, Reals, Tensors, fits
from gatewright.gen.model.tensor_file import TensorFile
from gatewright.hw.core.errors import ModelError
from gatewright.hw.nonlinear.norm.config import NormConfig

EPSILON_MAX = 1 << 30
ROWS = 4096  # of the embedding that are read together
LEVELS = 127  # of a row that is quantised by its largest magnitude
LAST, HEAD, EMBED, BOUNDS = "model.norm.weight", "lm_head.weight", "model.embed_tokens.weight", "model.lower_bounds"


def load_lm(path: Path | str) -> LmGraph:
    """Read a model.

    Parameters
    ----------
    path : path of the ``.safetensors`` or of the ``.json`` file
        The other has the same name.

    Raises
    ------
    ModelError
        One line that names the file, the tensor or key, and what it must be.
    """
    graph = quantise(*read_lm(path))
    return replace(graph, blocks=tuple(graph.blocks))


def read_lm(path: Path | str) -> tuple[LmConfig, Tensors]:
    """Open the two files and check that they belong together; round nothing, read no tensor."""
    path = Path(path)
    config = read_config(path.with_suffix(".json"))
    file = path.with_suffix(".safetensors")
    tensors = PackedTensors(TensorFile(file))
    check_names(config, tensors, file.name)
    return config, tensors


def block_shapes(config: LmConfig, layer: int) -> dict[str, tuple[int, ...]]:
    """Give the names and shapes of a block's tensors."""
    size, at = config.geometry, f"model.layers.{layer}"
    dim, ff = size.dim, size.ff
    if size.family == "transformer":
        mixer = f"{at}.self_attn"
        shapes: dict[str, tuple[int, ...]] = {
            f"{mixer}.q_proj.weight": (size.mixed, dim),
            f"{mixer}.k_proj.weight": (size.cached, dim),
            f"{mixer}.v_proj.weight": (size.cached, dim),
            f"{mixer}.attn_sub_norm.weight": (size.mixed,),
            f"{mixer}.o_proj.weight": (dim, size.mixed),
        }
    else:
        shapes = {f"{at}.attn.{name}_proj.weight": (dim, dim) for name in "figo"}
        shapes |= {f"{at}.attn.{name}.weight": (dim,) for name in ("g_norm", "o_sub_norm")}
    return shapes | {
        f"{at}.input_layernorm.weight": (dim,),
        f"{at}.post_attention_layernorm.weight": (dim,),
        f"{at}.mlp.gate_proj.weight": (ff, dim),
        f"{at}.mlp.up_proj.weight": (ff, dim),
        f"{at}.mlp.ffn_sub_norm.weight": (ff,),
        f"{at}.mlp.down_proj.weight": (dim, ff),
    }


def tensor_shapes(config: LmConfig) -> dict[str, tuple[int, ...]]:
    """Give the names and shapes of all tensors of a model."""
    size = config.geometry
    shapes: dict[str, tuple[int, ...]] = {EMBED: (size.vocab, size.dim), LAST: (size.dim,)}
    if config.head != "tied":
        shapes[HEAD] = (size.vocab, size.dim)
    if size.family == "mlgru":
        shapes[BOUNDS] = (size.layers, size.dim)
    for layer in range(size.layers):
        shapes |= block_shapes(config, layer)
    return shapes


def check_names(config: LmConfig, tensors: Collection[str], file: str) -> None:
    """Refuse unknown and missing tensors."""
    shapes = tensor_shapes(config)
    for name in tensors:
        if name not in shapes:
            raise ModelError(f"{file}: tensor {name} is unknown to this configuration; remove it")
    for name, shape in shapes.items():
        if name not in tensors:
            raise ModelError(f"{file}: tensor {name} of shape {shape} is missing")


class Blocks(Sequence[LmBlock]):
    """The blocks of a graph, built when they are asked for and then forgotten."""

    def __init__(self, quantiser: "Quantiser") -> None:
        self.quantiser = quantiser
        self.graph: LmGraph | None = None

    def __len__(self) -> int:
        return self.quantiser.config.geometry.layers

    @overload
    def __getitem__(self, index: int) -> LmBlock: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[LmBlock]: ...
    def __getitem__(self, index: int | slice) -> LmBlock | Sequence[LmBlock]:
        if isinstance(index, slice):
            return [self[layer] for layer in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(index)
        block = self.quantiser.block(index)
        assert self.graph is not None
        return self.graph.check_block(index, block)


def quantise(config: LmConfig, tensors: Tensors) -> LmGraph:
    """Turn a model into the integer graph, whose blocks are built as they are asked for.

    Raises
    ------
    ModelError
        Here or when a block is built: a number does not fit its integer; the line names the tensor or the step.
    """
    return Quantiser(config, tensors).graph()


def rescale(ratio: float, place: str, shift_max: int = SHIFT_MAX) -> Scale:
    """Find a 16-bit multiplier and a shift from 16 on with ``multiplier / 2**shift`` nearest to ``ratio``."""
    if not 0 < ratio < 1:
        raise ModelError(
            f"{place}: rescale ratio must be above 0 and below 1, not {ratio:g}; check the steps around it"
        )
    return Scale(*nearest(ratio, place, shift_max))


class Quantiser(Reader):
    """Turns parts of a model into parts of a graph, one at a time."""

    def __init__(self, config: LmConfig, tensors: Tensors) -> None:
        super().__init__(config, tensors)
        self.steps = config.steps
        self.dynamic = config.act == "dynamic"
        self.formats = self._widths()
        self.formats = self._whole_formats()

    def graph(self) -> LmGraph:
        """Build the graph but for its blocks."""
        config, size = self.config, self.config.geometry
        embed = self._embed()
        if config.head == "tied":
            head, step = embed, self.steps["embed"]
        elif config.head == "int8":
            head, step = int8_matrix(self.reals(HEAD, (size.vocab, size.dim)))
        else:
            trits = self.matrix(HEAD, (size.vocab, size.dim))
            head, step = trits.codes, trits.step
        blocks = Blocks(self)
        graph = LmGraph(
            name=config.name,
            geometry=size,
            formats=self.formats,
            gate=config.gate,
            act=config.act,
            rope_base=config.rope_base,
            embed=embed,
            blocks=blocks,
            norm=self._gains(LAST, size.dim, False),
            head=head,
            logit_step=step * self.steps["norm"],
        )
        blocks.graph = graph
        return graph

    def _widths(self) -> LmFormats:
        """Give widths and the steps' relations."""
        steps, widths = self.steps, dict(self.config.widths)
        if self.config.gate == "silu":
            widths.setdefault("middle_bits", 14)
        return LmFormats(
            residual_step=steps["residual"],
            norm_step=steps["norm"],
            embed_shift=_log2(steps["embed"] / steps["residual"]),
            state_shift=_log2(steps["middle"] / steps["state"]) if "state" in steps else 0,
            score_fraction=-_log2(steps.get("score", 1.0)),
            gate_fraction=-_log2(steps["gate"]),
            middle_fraction=-_log2(steps["middle"]),
            epsilon=self._epsilon(self.config.geometry.dim, steps["residual"]),
            mixer_epsilon=0,
            ffn_epsilon=0,
            **widths,
        )

    def _whole_formats(self) -> LmFormats:
        """Add what follows from the widths. A step may differ from layer to layer; the least one sets the epsilon."""
        size, steps, form = self.config.geometry, self.steps, self.formats
        up = min(block["up"] for block in self.config.block_steps)
        gated = 2.0 ** gate_config(form, self.config.gate, form.up_bits).shift * steps["middle"] * up
        if size.family == "transformer":
            mixed = min(block["v"] for block in self.config.block_steps) * 2.0 ** -self._finer(form)
        else:
            mixed = 2.0 ** gate_config(form, "silu", ACTIVATION_BITS).shift * steps["middle"] * steps["norm"]
        return replace(
            form,
            rope_shift=self._rope_shift() if size.family == "transformer" else 0,
            mixer_epsilon=self._epsilon(size.mixed, mixed),
            ffn_epsilon=self._epsilon(size.ff, gated),
            state_epsilon=self._epsilon(size.dim, steps["state"]) if "state" in steps else 0,
        )

    @staticmethod
    def _finer(form: LmFormats) -> int:
        """Tell how many steps of attention's results make one of the values, as a power of two."""
        return min(WIDE_BITS - ACTIVATION_BITS, form.probability_bits - 1)

    def _epsilon(self, elements: int, step: float) -> int:
        found = round(elements * self.config.epsilon / step**2)
        if found > EPSILON_MAX:
            raise ModelError(f"{self.config.name}: epsilon must be at most 2**30 in steps, not {found}")
        return found

    def _rope_shift(self) -> int:
        """Give queries and keys the finest steps before rotation that leave all rescales below 1."""
        shift = ROPE_SHIFT_MAX
        if self.dynamic:  # the row's scale is a factor, so all are
            return shift
        for layer, steps in enumerate(self.config.block_steps):
            for name in ("q", "k"):
                step = self.step(f"model.layers.{layer}.self_attn.{name}_proj.weight")
                while shift > 0 and step * self.steps["norm"] / steps[name] * 2.0**shift >= 1 - 2.0**-16:
                    shift -= 1
        return shift

    def block(self, layer: int) -> LmBlock:
        """Build a layer."""
        at, size = f"model.layers.{layer}", self.config.geometry
        first, second = f"{at}.input_layernorm.weight", f"{at}.post_attention_layernorm.weight"
        inner, steps, form = f"{at}.mlp.ffn_sub_norm.weight", self.config.block_steps[layer], self.formats
        norm1, norm2, sub_norm = (
            self._gains(name, count, self.dynamic)
            for name, count in ((first, size.dim), (second, size.dim), (inner, size.ff))
        )
        mlp = GatedMlp(
            self.linear(f"{at}.mlp.gate_proj", (size.ff, size.dim), second, self.steps["gate"], form.gate_bits),
            self.linear(f"{at}.mlp.up_proj", (size.ff, size.dim), second, steps["up"], form.up_bits),
            sub_norm,
            self.linear(f"{at}.mlp.down_proj", (size.dim, size.ff), inner, self.steps["residual"], RESIDUAL_BITS),
        )
        mixer = self.attention(layer) if size.family == "transformer" else self.mlgru(layer)
        return LmBlock(norm1, mixer, norm2, mlp)

    def attention(self, layer: int) -> Attention:
        """Build a transformer's mixer."""
        at, first = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.input_layernorm.weight"
        size, steps, form = self.config.geometry, self.config.block_steps[layer], self.formats
        fine = 2.0**-form.rope_shift
        score = steps["q"] * steps["k"] * size.head_dim**-0.5 / self.steps["score"]
        inner = f"{at}.attn_sub_norm.weight"
        return Attention(
            self.linear(f"{at}.q_proj", (size.mixed, size.dim), first, steps["q"] * fine, WIDE_BITS),
            self.linear(f"{at}.k_proj", (size.cached, size.dim), first, steps["k"] * fine, WIDE_BITS),
            self.linear(f"{at}.v_proj", (size.cached, size.dim), first, steps["v"], ACTIVATION_BITS),
            rescale(score, f"{at} scores"),
            rescale(2.0 ** (self._finer(form) - form.probability_bits), f"{at} results"),
            self._gains(inner, size.mixed, self.dynamic),
            self.linear(f"{at}.o_proj", (size.dim, size.mixed), inner, self.steps["residual"], RESIDUAL_BITS),
        )

    def mlgru(self, layer: int) -> Mlgru:
        """Build a recurrent mixer."""
        at, first = f"model.layers.{layer}.attn", f"model.layers.{layer}.input_layernorm.weight"
        size, bits, inner = self.config.geometry, self.formats.gate_bits, f"{at}.o_sub_norm.weight"
        gates = [
            self.linear(f"{at}.{name}_proj", (size.dim, size.dim), first, self.steps["gate"], bits) for name in "fig"
        ]
        share = self.reals(BOUNDS, (size.layers, size.dim))
        share = np.exp(share - share.max(axis=0))
        share /= share.sum(axis=0)
        bound = _codes((share.cumsum(axis=0) - share[0])[layer] * (1 << FORGET_BITS))
        return Mlgru(
            gates[0],
            gates[1],
            gates[2],
            np.minimum(bound, (1 << FORGET_BITS) - 1),
            self._gains(f"{at}.g_norm.weight", size.dim, False),
            self._gains(inner, size.dim, self.dynamic),
            self.linear(f"{at}.o_proj", (size.dim, size.dim), inner, self.steps["residual"], RESIDUAL_BITS),
        )

    def linear(self, name: str, shape: tuple[int, int], norm: str, end: float, bits: int) -> TernaryLinear:
        """Build a layer behind a norm, with outputs of step ``end``."""
        trits = self.matrix(f"{name}.weight", shape)
        most = DYNAMIC_SHIFT_MAX if self.dynamic else SHIFT_MAX
        return TernaryLinear(name, trits.codes, rescale(trits.step * self._unit(norm) / end, name, most), bits)

    def _unit(self, norm: str) -> float:
        """Give what a step of a norm's result is worth; if dynamic, where the row's scale is 1."""
        if not self.dynamic:
            return self._norm_step(norm)
        form = self.formats
        room = NormConfig(
            output="dynamic", elements=2, weight_bits=form.gain_bits, weight_fraction=form.gain_fraction,
            guard_bits=form.guard_bits,
        )  # fmt: skip
        return (
            self._gain_unit(norm, self.reals(norm), True) * 2.0 ** (form.gain_fraction - room.scale_fraction) / LEVELS
        )

    def _gains(self, name: str, count: int, dynamic: bool) -> Ints:
        """Give a norm's gains as codes."""
        gains = self.reals(name, (count,))
        return _codes(gains / self._gain_unit(name, gains, dynamic))

    def _norm_step(self, name: str) -> float:
        """Give the step of a static norm's results."""
        places = {"attn_sub_norm": "mixer_norm", "o_sub_norm": "mixer_norm", "ffn_sub_norm": "ffn_norm"}
        return self.steps[places.get(name.split(".")[-2], "norm")]

    def _gain_unit(self, name: str, gains: Reals, dynamic: bool) -> float:
        """Give what a gain's code of 1 is worth; the rescale behind a dynamic norm takes in any."""
        if not dynamic:
            return self._norm_step(name) * 2.0**-self.formats.gain_fraction
        return (float(np.abs(gains).max()) or 1.0) / ((1 << (self.formats.gain_bits - 1)) - 1)

    def _embed(self) -> Octets:
        """Give the embeddings' codes, some rows at a time."""
        size = self.config.geometry
        codes = np.empty((size.vocab, size.dim), np.int8)
        for start in range(0, size.vocab, ROWS):
            stop = min(start + ROWS, size.vocab)
            part = self.rows(EMBED, start, stop)
            fits(EMBED, part.shape, (stop - start, size.dim))
            codes[start:stop] = np.clip(np.rint(part / self.steps["embed"]), -128, 127)
        return codes


def _codes(value: Reals) -> Ints:
    # What does not even fit 63 bits must reach the check of its range unharmed.
    return np.rint(np.clip(value, -(2.0**62), 2.0**62)).astype(np.int64)


def _log2(power: float) -> int:
    return frexp(power)[1] - 1
