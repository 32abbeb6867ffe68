# SPDX-License-Identifier: BSD-2-Clause
"""What can be estimated: presets and config files, model files, and shapes of published models by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gatewright.fpga_boards.registry import boards
from gatewright.gen.design import Design, read_values
from gatewright.gen.model.import_gguf_lm import read_gguf_lm
from gatewright.gen.model.import_hf_bitnet import read_hf_bitnet
from gatewright.gen.model.import_lm import Quantiser, read_lm
from gatewright.gen.model.lm_graph import ACTIVATION_BITS, gate_config
from gatewright.gen.model.lm_sizes import LmFormats, LmGeometry
from gatewright.gen.model.map_ternary_lm import FORMATS, INT8_DIGITS, LmSettings, model_of
from gatewright.gen.presets import folder, load_design, presets
from gatewright.hw.core.errors import ConfigError

Gate = Literal["relu2", "silu"]
Head = Literal["tied", "untied", "int8"]


@dataclass(frozen=True)
class Published:
    """What somebody reached with a model of this shape.

    Attributes
    ----------
    decode, prefill : float
        Tokens a second.
    """

    name: str
    device: str
    decode: float
    prefill: float
    luts: int
    source: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A language model, without its weights.

    Attributes
    ----------
    name, source : str
        What it is called, and where its shape comes from.
    head : str
        untied, a ternary matrix of its own; int8, one that is not ternary; or tied, the embedding.
    formats : LmFormats
        Widths and shifts of the core.
    design : Design or None
        What a config file makes of it.
    """

    name: str
    source: str
    geometry: LmGeometry
    gate: Gate
    act: str
    head: Head
    formats: LmFormats
    rope_base: float = 10000.0
    published: tuple[Published, ...] = ()
    design: Design | None = None

    def core_values(self) -> dict[str, Any]:
        """Give the parameters of `lm_core` that follow from the model's shape; constants are left out."""
        size, form = self.geometry, self.formats
        values: dict[str, Any] = {
            "family": size.family, "vocab": size.vocab, "features": size.dim, "layers": size.layers,
            "hidden": size.ff, "context": size.context, "gate": self.gate, "act": self.act,
            "gate_shift": gate_config(form, self.gate, form.up_bits).shift,
            "head_digits": 1 if self.head == "untied" else INT8_DIGITS,
            **{name: getattr(form, name) for name in FORMATS},
        }  # fmt: skip
        if size.family == "transformer":
            names = ("heads", "kv_heads", "head_dim")
            return values | {name: getattr(size, name) for name in names} | {
                "rope_shift": form.rope_shift, "rope_base": self.rope_base,
            }  # fmt: skip
        shift = gate_config(form, "silu", ACTIVATION_BITS).shift
        return values | {"state_shift": form.state_shift, "state_gate_shift": shift}


# Widths of models that nobody has calibrated: those that `LmFormats` starts from.
_FORMATS: dict[str, Any] = {
    "residual_step": 2.0**-8, "norm_step": 2.0**-5, "embed_shift": 4, "rope_shift": 8, "state_shift": 2,
    "score_fraction": 6, "gate_fraction": 6, "middle_fraction": 10, "epsilon": 0, "mixer_epsilon": 0,
    "ffn_epsilon": 0,
}  # fmt: skip
_TELLME = Published(
    "TeLLMe v2", "KV260", 25.0, 143.0, 98_303, "arXiv 2510.15926: W1.58A8, 4.8 W, prefill in blocks of queries"
)
_KV260 = Published(
    "bitnet-kv260", "KV260", 16.78, 28.78, 42_271, "MerlijnW70/bitnet-kv260: 250 MHz, attention on the CPU"
)
_TEREFFIC = "arXiv 2502.16473"


def _shape(
    name: str, source: str, gate: Gate, head: Head, *published: Published, family: Any = "transformer", **sizes: int
) -> Subject:
    form = LmFormats(**_FORMATS, **({"middle_bits": 14} if gate == "silu" else {}))
    return Subject(
        name=name, source=source, geometry=LmGeometry(family=family, **sizes), gate=gate, act="dynamic", head=head,
        formats=form, published=published,
    )  # fmt: skip


def shapes() -> dict[str, Subject]:
    """Give the shapes that have a name."""
    lm = "arXiv 2406.02528 and its code; embedding apart from the head, which is a BitLinear"
    known = (
        _shape(
            "bitnet-0.73b",
            "1bitLLM/bitnet_b1_58-large, TeLLMe's model: 24 layers of 1536, feed-forward 4096 (kernel shapes of "
            "bitnet.cpp); 16 heads of 96, 32,002 tokens, tied head and context 2048 by public copies of its "
            "configuration",
            "silu", "tied", _TELLME, vocab=32_002, dim=1536, layers=24, ff=4096, context=2048, heads=16, kv_heads=16,
            head_dim=96,
        ),
        _shape(
            "bitnet-2b4t",
            "microsoft/bitnet-b1.58-2B-4T, by public copies of its configuration; head tied",
            "relu2", "tied", _KV260, vocab=128_256, dim=2560, layers=30, ff=6912, context=4096, heads=20, kv_heads=5,
            head_dim=128,
        ),
        _shape(
            "matmulfree-370m", lm, "silu", "untied",
            Published("TerEffic, on chip", "U280", 16_300, 16_300, 0, _TEREFFIC),
            family="mlgru", vocab=32_000, dim=1024, layers=24, ff=2816, context=2048,
        ),
        _shape(
            "matmulfree-2.7b", lm, "silu", "untied",
            Published("TerEffic, HBM", "U280", 727, 727, 0, f"{_TEREFFIC}: 46 W"),
            family="mlgru", vocab=32_000, dim=2560, layers=32, ff=6912, context=2048,
        ),
    )  # fmt: skip
    return {each.name: each for each in known}


def find_subject(model: str, device: str) -> Subject:
    """Find out what a user means by a model.

    Parameters
    ----------
    model : str
        A shape's name, a preset's, or a path: a config file, a model file, or a checkpoint's folder.
    device : str
        A board's settings in a config file are used if it is that device.

    Raises
    ------
    ConfigError, ModelError
        One line that says what is wrong and what is known.
    """
    if model in shapes():
        return shapes()[model]
    path = Path(model)
    if path.is_dir():
        return _imported(*read_hf_bitnet(path), str(path))
    if path.suffix == ".gguf":
        return _imported(*read_gguf_lm(path), str(path))
    if path.suffix in (".safetensors", ".json"):
        return _imported(*read_lm(path), str(path))
    if path.suffix != ".toml" and model not in presets():
        raise ConfigError(
            f"model {model!r} is neither a file, nor a preset ({', '.join(presets())}), nor a shape "
            f"({', '.join(shapes())})"
        )
    return _designed(model, device)


def _imported(config: Any, tensors: Any, source: str) -> Subject:
    """Take the shape of a file; its matrices are not read."""
    return Subject(
        name=config.name, source=source, geometry=config.geometry, gate=config.gate, act=config.act, head=config.head,
        formats=Quantiser(config, tensors).formats, rope_base=config.rope_base,
    )  # fmt: skip


def _designed(model: str, device: str) -> Subject:
    path = Path(model)
    values = read_values(path if path.suffix == ".toml" else folder() / f"{model}.toml")
    tables = values.get("board", {})
    has = isinstance(tables, dict) and device in tables and device in boards()
    design = load_design(model, device if has else None)
    if not isinstance(design.settings, LmSettings):
        raise ConfigError(
            f"estimate needs a language model, a design of room ternary_lm or small_lm, and {design.name} is of room "
            f"{design.room.name}; give the model's file or a shape"
        )
    graph = model_of(design.settings, design.folder)
    ternary = bool((abs(graph.head) <= 1).all())
    head: Head = "untied" if ternary else "tied" if graph.tied else "int8"
    where = f"{path.name if path.suffix == '.toml' else model}, settings " + (f"for {device}" if has else "of no board")
    return Subject(
        name=design.name, source=where, geometry=graph.geometry, gate=graph.gate, act=graph.act, head=head,
        formats=graph.formats, rope_base=graph.rope_base, design=design,
    )  # fmt: skip
