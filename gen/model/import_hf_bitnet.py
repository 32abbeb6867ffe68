# SPDX-License-Identifier: BSD-2-Clause
"""Import Hugging Face's BitNet checkpoints: a folder with config.json and safetensors, packed or float.

Tensors are read when a block is built, one after another; the graph of a large model is never held as a whole.
"""

from pathlib import Path

from gatewright.gen.model.import_lm import quantise
from gatewright.gen.model.json_table import Table, read_json
from gatewright.gen.model.lm_config import LmConfig
from gatewright.gen.model.lm_graph import LmGraph
from gatewright.gen.model.lm_guess import guessed_config
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_tensors import PackedTensors, Tensors
from gatewright.gen.model.tensor_file import TensorFile
from gatewright.hw.core.errors import ModelError

# As files of BitnetForCausalLM, the first implementation, name them.
OLD_NAMES = {"self_attn.attn_sub_norm": "self_attn.inner_attn_ln", "mlp.ffn_sub_norm": "mlp.ffn_layernorm"}


def load_hf_bitnet(folder: Path | str) -> LmGraph:
    """Read a checkpoint; its blocks are built as they are asked for.

    Parameters
    ----------
    folder : path of the folder that holds ``config.json``

    Raises
    ------
    ModelError
        One line that names the file, the tensor or key, and what it must be.
    """
    return quantise(*read_hf_bitnet(folder))


def read_hf_bitnet(folder: Path | str) -> tuple[LmConfig, Tensors]:
    """Open a checkpoint: the configuration with guessed steps, and its tensors under the names of `import_lm`."""
    folder = Path(folder)
    content = read_json(folder / "config.json")
    table = Table(content, "config.json", "")
    if (found := table.text("model_type")) != "bitnet":
        table.fail("model_type", f"must be 'bitnet', not {found!r}")
    for key in ("attention_bias", "rope_scaling"):
        if table.content.get(key):
            table.fail(key, f"must be absent, not {table.content[key]!r}; the graph has no such thing")
    dim, heads = table.integer("hidden_size"), table.integer("num_attention_heads")
    if heads < 1 or (dim % heads and "head_dim" not in table.content):
        table.fail("num_attention_heads", f"must divide hidden_size = {dim}, not {heads}")
    try:
        geometry = LmGeometry(
            family="transformer",
            vocab=table.integer("vocab_size"),
            dim=dim,
            layers=table.integer("num_hidden_layers"),
            ff=table.integer("intermediate_size"),
            context=table.integer("max_position_embeddings"),
            heads=heads,
            kv_heads=table.integer("num_key_value_heads") if "num_key_value_heads" in table.content else heads,
            head_dim=table.content.get("head_dim") or dim // heads,
        )
    except ModelError as error:
        raise ModelError(f"config.json: {error}") from None
    tied = bool(table.content.get("tie_word_embeddings", False))
    tensors = PackedTensors(TensorFile(*_shards(folder)), _divides(table), _newer)
    gate = table.text("hidden_act", "relu2", "silu")
    config = guessed_config(
        folder.resolve().name,
        geometry,
        tensors,
        "relu2" if gate == "relu2" else "silu",
        "tied" if tied else "int8",
        table.positive("rms_norm_eps"),
        _rope_base(table),
        folder.resolve().name,
    )
    return config, tensors


def _divides(table: Table) -> bool:
    """Tell whether files hold the inverse of a matrix's step: those of linear class bitlinear, the default."""
    if not table.content.get("quantization_config"):
        return False
    part = table.table("quantization_config")
    if (found := part.text("quant_method")) != "bitnet":
        part.fail("quant_method", f"must be 'bitnet', not {found!r}")
    if "linear_class" not in part.content:
        return True
    return part.text("linear_class", "bitlinear", "autobitlinear") == "bitlinear"


def _rope_base(table: Table) -> float:
    if table.content.get("rope_parameters"):
        part = table.table("rope_parameters")
        if part.content.get("rope_type", "default") != "default":
            part.fail("rope_type", f"must be 'default', not {part.content['rope_type']!r}")
        return part.positive("rope_theta")
    return table.positive("rope_theta") if "rope_theta" in table.content else 10000.0


def _shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return [folder / "model.safetensors"]
    places = Table(read_json(index), index.name, "").table("weight_map")
    return [folder / name for name in sorted({places.text(key) for key in places.content})]


def _newer(name: str) -> str | None:
    """Give a tensor's newer name; none to angles, which follow from the configuration."""
    if name.endswith("rotary_emb.inv_freq"):
        return None
    for new, old in OLD_NAMES.items():
        name = name.replace(old, new)
    return name
