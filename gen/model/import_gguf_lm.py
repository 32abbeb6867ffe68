# SPDX-License-Identifier: BSD-2-Clause
"""Import BitNet models from GGUF: matrices of TQ1_0, TQ2_0 or bitnet.cpp's I2_S, or in float; tensors read lazily."""

from pathlib import Path
from typing import Any, Literal

from gatewright.gen.model.gguf_file import TERNARY, GgufFile
from gatewright.gen.model.import_lm import EMBED, HEAD, LAST, quantise
from gatewright.gen.model.lm_config import LmConfig
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.gen.model.lm_guess import guessed_config
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_tensors import Named, Tensor, Tensors, Trits
from gatewright.hw.core.errors import ModelError

# Architectures, and the function of their gates.
GATES: dict[str, Literal["relu2", "silu"]] = {"bitnet": "silu", "bitnet-b1.58": "relu2", "bitnet-25": "relu2"}
NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_sub_norm": "self_attn.attn_sub_norm", "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_sub_norm": "mlp.ffn_sub_norm", "ffn_down": "mlp.down_proj",
}  # fmt: skip
OUTER = {"token_embd.weight": EMBED, "output_norm.weight": LAST, "output.weight": HEAD}


def load_gguf_lm(path: Path | str) -> LmGraph:
    """Read a model; its blocks are built as they are asked for.

    Raises
    ------
    ModelError
        One line that names the file, the tensor or key, and what it must be.
    """
    return quantise(*read_gguf_lm(path))


def read_gguf_lm(path: Path | str) -> tuple[LmConfig, Tensors]:
    """Open a file: the configuration with guessed steps, and its tensors under the names of `import_lm`."""
    file = GgufFile(Path(path))
    name = file.path.name
    arch = file.values.get("general.architecture")
    if arch not in GATES:
        raise ModelError(f"{name}: general.architecture must be one of {', '.join(GATES)}, not {arch!r}")

    def value(key: str, default: Any = None) -> Any:
        found = file.values.get(f"{arch}.{key}", default)
        if found is None:
            raise ModelError(f"{name}: {arch}.{key} is missing")
        return found

    tensors = GgufTensors(file)
    if EMBED not in tensors:
        raise ModelError(f"{name}: tensor token_embd.weight is missing")
    dim, heads = int(value("embedding_length")), int(value("attention.head_count"))
    sizes = {
        "vocab": file.tensors["token_embd.weight"].shape[0],
        "dim": dim,
        "layers": int(value("block_count")),
        "ff": int(value("feed_forward_length")),
        "context": int(value("context_length")),
        "heads": heads,
        "kv_heads": int(value("attention.head_count_kv", heads)),
        "head_dim": int(value("attention.key_length", dim // max(heads, 1))),
    }
    try:
        geometry = LmGeometry(family="transformer", **sizes)
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    config = guessed_config(
        file.path.stem,
        geometry,
        tensors,
        GATES[arch],
        "int8" if HEAD in tensors else "tied",
        float(value("attention.layer_norm_rms_epsilon")),
        float(value("rope.freq_base", 10000.0)),
        name,
    )
    return config, tensors


class GgufTensors(Named):
    """A file's tensors under the names of `import_lm`."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file
        self.names = {self._known(name): name for name in file if not name.endswith(".scale")}

    @staticmethod
    def _known(name: str) -> str:
        if name in OUTER:
            return OUTER[name]
        parts = name.split(".")
        if len(parts) == 4 and parts[0] == "blk" and parts[2] in NAMES:
            return f"model.layers.{parts[1]}.{NAMES[parts[2]]}.{parts[3]}"
        return name

    def __getitem__(self, name: str) -> Tensor:
        step = self.step(name)
        return self.file.reals(self.names[name]) if step is None else Trits(self.file.trits(self.names[name]), step)

    def rows(self, name: str, start: int, stop: int) -> Tensor:
        """Give some rows of a tensor of real numbers."""
        return self.file.reals(self.names[name], start, stop)

    def step(self, name: str) -> float | None:
        """Give the step of a ternary matrix; None for another."""
        own = self.names[name]
        if self.file.tensors[own].kind not in TERNARY:
            return None
        factor = own.removesuffix("weight") + "scale"
        extra = float(self.file.reals(factor).ravel()[0]) if factor in self.file.tensors else 1.0
        return self.file.step(own) * extra
