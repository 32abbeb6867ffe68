#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Train the byte language models and write their model files to gen/presets.

A model is trained with the integer graph's roundings from the first step on; ``--float`` trains the same network
without them, the baseline, and enters what it finds in scripts/results/language_float.json. Held-out text is measured
at the end only. One thread; needs the extra ``train`` and Debian's packages bible-kjv and bible-kjv-text::

    python scripts/train_lm.py kjv-transformer
    python scripts/train_lm.py kjv-transformer --float
"""

import argparse
import io
import json
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lm_data import codes, read_text, xz_bits_per_byte
from lm_torch import EPSILON, LanguageModel, Quantiser
from safetensors.numpy import save
from torch import Tensor
from torch.nn import functional

from gatewright.gen.files import write_file
from gatewright.gen.model.import_lm import BOUNDS, EMBED, load_lm, tensor_shapes
from gatewright.gen.model.import_vit import ternary_matrix
from gatewright.gen.model.lm_config import BLOCK_STEPS, COMMON_STEPS, LmConfig
from gatewright.gen.model.lm_float import float_logits
from gatewright.gen.model.lm_sizes import LmGeometry
from gatewright.gen.model.lm_tensors import PackedTensors, Reader, Tensors
from gatewright.gen.model.lm_text import bits_per_byte as golden_bits
from gatewright.gen.model.tensor_file import TensorFile
from gatewright.hw.ternary.packing import encode

Tokens = np.ndarray[Any, Any]
Steps = dict[str, Any]
PRESETS = Path(__file__).parent.parent / "gen" / "presets"
BASELINES = Path(__file__).parent / "results" / "language_float.json"
STEPS = {
    "embed": 2.0**-6, "norm": 2.0**-5, "mixer_norm": 2.0**-5, "ffn_norm": 2.0**-4, "qkv": 2.0**-4, "gate": 2.0**-6,
    "up": 2.0**-6,
}  # fmt: skip
BASE = 10000.0
SAMPLE = 8192
MATRIX_RATE, RATE, WARMUP, MOMENTUM = 0.02, 4e-3, 40, 0.95


@dataclass(frozen=True)
class Job:
    """A model and how long to train it."""

    family: str
    gate: str
    shape: dict[str, int]
    steps: int
    batch: int


HEADS = {"heads": 4, "kv_heads": 1, "head_dim": 32}
JOBS = {
    "kjv-transformer": Job(
        "transformer", "relu2", {"vocab": 128, "dim": 128, "layers": 4, **HEADS, "ff": 448, "context": 512}, 1600, 4
    ),
    "kjv-mqa": Job(
        "transformer", "relu2",
        {"vocab": 128, "dim": 96, "layers": 4, "heads": 3, "kv_heads": 1, "head_dim": 32, "ff": 288, "context": 64},
        2000, 16,
    ),
    "kjv-mlgru": Job("mlgru", "silu", {"vocab": 128, "dim": 128, "layers": 4, "ff": 352, "context": 256}, 1600, 4),
}  # fmt: skip


def main() -> None:
    """Train, write, measure."""
    parser = argparse.ArgumentParser(description="Train a byte language model.")
    parser.add_argument("model", choices=JOBS)
    parser.add_argument("--float", action="store_true", help="the baseline: no roundings, no model files")
    parser.add_argument("--steps", type=int, help="in place of the model's own number")
    parser.add_argument("--rate", type=float, default=MATRIX_RATE, help="of the matrices")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="file to save the run in, every 50 steps, and to go on from")
    parser.add_argument("--out", type=Path, default=PRESETS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    job, text = JOBS[args.model], read_text()
    if args.steps:
        job = replace(job, steps=args.steps)
    model = LanguageModel(job.family, job.shape, job.gate, BASE)
    quantiser = Quantiser(None if args.float else steps_of(job))
    seconds = fit(model, job, quantiser, codes(text.train), args.seed, args.rate, args.keep)
    found = bits_per_byte(model, job.shape["context"], quantiser, codes(text.held_out))
    seen = job.steps * job.batch * job.shape["context"]
    print(f"{job.steps} steps, {seen} bytes seen, {seconds:.0f} CPU seconds, {found:.4f} bits per byte", flush=True)
    if args.float:
        save_baseline(args, round(seconds), seen, found)
        return
    alone, behind = xz_bits_per_byte(text)
    record = {
        "command": command(args),
        "cpu_seconds": round(seconds),
        "bytes_seen": seen,
        "held_out_bytes": len(text.held_out) - 1,
        "held_out_bits_per_byte": round(found, 4),
        "xz_bits_per_byte": round(alone, 4),
        "xz_after_training_text_bits_per_byte": round(behind, 4),
    }
    path = args.out / args.model.replace("-", "_")
    write_model(path, model, job, record, codes(text.train))
    write_text(args.out / "kjv_held_out.npz", text.held_out)
    sample = codes(text.held_out)[: SAMPLE + 1]
    rounded, integer = bits_per_byte(model, job.shape["context"], quantiser, sample), golden_bits(load_lm(path), sample)
    print(f"first {SAMPLE} bytes held out: {rounded:.4f} with roundings, {integer:.4f} in integers", flush=True)


def save_baseline(args: argparse.Namespace, seconds: int, seen: int, found: float) -> None:
    """Enter a float model's score beside those of other models."""
    known = json.loads(BASELINES.read_text()) if BASELINES.exists() else {}
    row = {
        "command": f"{command(args)} --float", "torch": torch.__version__, "cpu_seconds": seconds, "bytes_seen": seen,
        "held_out_bits_per_byte": round(found, 4),
    }  # fmt: skip
    write_file(BASELINES, json.dumps(dict(sorted((known | {args.model: row}).items())), indent=1) + "\n")


def steps_of(job: Job) -> dict[str, float]:
    """Give the steps of a model's roundings: what a gate has multiplied has a longer tail."""
    return STEPS | ({"mixer_norm": 2.0**-4} if job.family == "mlgru" else {})


def command(args: argparse.Namespace) -> str:
    """Give the command that trains this model, without what only says where files lie."""
    changed = [f" --{name} {getattr(args, name)}" for name in ("steps", "seed") if getattr(args, name)]
    if args.rate != MATRIX_RATE:
        changed.append(f" --rate {args.rate}")
    return f"python scripts/train_lm.py {args.model}" + "".join(changed)


def write_model(path: Path, model: LanguageModel, job: Job, record: Steps, tokens: Tokens) -> None:
    """Write matrices as packed trits, all else in float, and the configuration."""
    tensors: dict[str, Any] = {}
    for name, value in model.state_dict().items():
        array = value.numpy().copy()
        if array.ndim == 2 and name not in (EMBED, BOUNDS):
            trits, step = ternary_matrix(array.astype(np.float64))
            tensors |= {name: encode("hf_bitnet", trits), f"{name}_scale": np.array([step], np.float32)}
        else:
            tensors[name] = array
    write_file(path.with_suffix(".safetensors"), save(tensors))
    steps = {name: step for name, step in steps_of(job).items() if name not in ("qkv", "up")} | {"middle": 2.0**-10}
    steps |= {"residual": steps["embed"], **({"state": 2.0**-12} if job.family == "mlgru" else {"score": 2.0**-6})}
    block = {name: STEPS["up" if name == "up" else "qkv"] for name in BLOCK_STEPS[job.family]}
    config = LmConfig(
        name=path.name,
        geometry=LmGeometry(family=job.family, **job.shape),
        gate=job.gate,
        head="untied",
        act="static",
        epsilon=EPSILON,
        rope_base=BASE,
        steps={name: steps[name] for name in COMMON_STEPS[job.family]},
        block_steps=(block,) * job.shape["layers"],
        training=record,
    )
    config.steps["residual"] = residual_step(
        config, PackedTensors(TensorFile(path.with_suffix(".safetensors"))), tokens
    )
    write_file(path.with_suffix(".json"), json.dumps(config.content(), indent=2) + "\n")


def residual_step(config: LmConfig, tensors: Tensors, tokens: Tokens) -> float:
    """Give the least power of two that holds four times what training text shows, and no ratio of 1 or more."""
    peaks: dict[str, float] = {}
    context = config.geometry.context
    for start in range(0, 16 * context, context):
        float_logits(config, tensors, tokens[start : start + context], peaks)
    parts = Reader(config, tensors)
    least = 4 * peaks["residual"] / 32767
    for name in tensor_shapes(config):
        for last, place in (("o_proj.weight", "mixer_norm"), ("down_proj.weight", "ffn_norm")):
            if name.endswith(last):
                least = max(least, 1.001 * parts.step(name) * config.steps[place])
    found = float(2.0 ** math.ceil(math.log2(least)))
    assert found <= config.steps["embed"], f"the residual stream needs steps of {found}"
    return found


def write_text(path: Path, text: bytes) -> None:
    """Write text that is held out."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, text=np.frombuffer(text, np.uint8))
    write_file(path, buffer.getvalue())


def orthogonal(g: Tensor) -> Tensor:
    """Bring the singular values of matrices near 1, as Muon does: five steps of Newton and Schulz."""
    tall = g.shape[-2] > g.shape[-1]
    x = g.transpose(-1, -2) if tall else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.transpose(-1, -2) if tall else x


class Muon:
    """Momentum, made orthogonal; matrices of a shape together."""

    def __init__(self, matrices: list[Tensor]) -> None:
        shapes: dict[tuple[int, ...], list[Tensor]] = {}
        for p in matrices:
            shapes.setdefault(tuple(p.shape), []).append(p)
        self.groups = [(group, torch.zeros(len(group), *shape)) for shape, group in shapes.items()]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take a step and drop the gradients."""
        for group, momentum in self.groups:
            gradients = torch.stack([p.grad for p in group])
            momentum.lerp_(gradients, 1 - MOMENTUM)
            change = orthogonal(gradients.lerp(momentum, MOMENTUM))
            scale = rate * max(1.0, change.shape[-2] / change.shape[-1]) ** 0.5
            for p, part in zip(group, change, strict=True):
                p.add_(part, alpha=-scale)
                p.grad = None


def rate_at(step: int, total: int) -> float:
    """Give the share of the learning rate: a linear start, then a cosine to 0."""
    return min((step + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * step / total)))


def fit(
    model: LanguageModel,
    job: Job,
    quantiser: Quantiser,
    tokens: Tokens,
    seed: int,
    rate: float,
    keep: Path | None = None,
) -> float:
    """Train on texts that begin anywhere; give the CPU seconds."""
    dice, context = np.random.default_rng(seed), job.shape["context"]
    hidden = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in hidden}
    muon = Muon(hidden)
    rest = torch.optim.AdamW([p for p in model.parameters() if id(p) not in chosen], betas=(0.9, 0.95), weight_decay=0)
    average, first, spent = 0.0, 0, 0.0
    if keep is not None and keep.exists():
        saved = torch.load(keep, weights_only=False)
        model.load_state_dict(saved["model"])
        rest.load_state_dict(saved["rest"])
        for (_, momentum), value in zip(muon.groups, saved["muon"], strict=True):
            momentum.copy_(value)
        dice.bit_generator.state = saved["dice"]
        average, first, spent = saved["average"], saved["step"], saved["spent"]
    began = time.process_time() - spent
    for step in range(first, job.steps):
        starts = dice.integers(0, len(tokens) - context, job.batch)
        rows = torch.from_numpy(tokens[starts[:, np.newaxis] + np.arange(context + 1)])
        logits = model(rows[:, :-1], quantiser)
        loss = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        rest.zero_grad()
        loss.backward()
        share = rate_at(step, job.steps)
        for group in rest.param_groups:
            group["lr"] = RATE * share
        rest.step()
        muon.step(rate * share)
        average += (loss.item() - average) * max(0.02, 1 / (step + 1))
        if step % 50 == 0 or step == job.steps - 1:
            print(f"step {step}: {average / math.log(2):.3f} bits, {time.process_time() - began:.0f} CPU s", flush=True)
        if keep is not None and (step + 1) % 50 == 0:
            state = {"model": model.state_dict(), "rest": rest.state_dict(), "muon": [part for _, part in muon.groups]}
            state |= {"dice": dice.bit_generator.state, "average": average, "step": step + 1}
            torch.save(state | {"spent": time.process_time() - began}, keep.with_suffix(".new"))
            keep.with_suffix(".new").replace(keep)
    return time.process_time() - began


@torch.no_grad()
def bits_per_byte(
    model: LanguageModel, context: int, quantiser: Quantiser, tokens: Tokens, most: int | None = None
) -> float:
    """Score text in pieces of the context; each begins with nothing before its first byte."""
    tokens = tokens[: None if most is None else most + 1]
    total, count = 0.0, len(tokens) - 1
    whole = count // context * context
    inputs, wanted = torch.from_numpy(tokens[:-1]), torch.from_numpy(tokens[1:])
    pieces = list(
        zip(inputs[:whole].view(-1, context).split(16), wanted[:whole].view(-1, context).split(16), strict=True)
    )
    if count > whole:
        pieces.append((inputs[whole:].unsqueeze(0), wanted[whole:].unsqueeze(0)))
    for part, following in pieces:
        logits = model(part, quantiser)
        total += functional.cross_entropy(logits.flatten(0, 1), following.flatten(), reduction="sum").item()
    return total / count / math.log(2)


if __name__ == "__main__":
    main()
