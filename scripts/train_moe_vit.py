#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Train the MoE vision transformers and write their model files to gen/presets.

The first part of the steps runs in float. From there two branches take the rest: one stays in float and is
the baseline, the other rounds as the integer graph does and becomes the model. Held-out images are measured
at the end only. One thread; needs the extra ``train``::

    python scripts/train_moe_vit.py digits
    python scripts/glyphs.py FOLDER && python scripts/train_moe_vit.py glyphs --folder FOLDER
"""

import argparse
import copy
import io
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor
from torch.nn import functional
from vit_data import DATA, Data
from vit_torch import MoeVit, Quantiser, Steps

from gatewright.gen.files import write_file

PRESETS = Path(__file__).parent.parent / "gen" / "presets"
FLOAT_SHARE = 0.7
RATE, DECAY, WARMUP, SMOOTHING, BALANCE = 3e-3, 0.05, 100, 0.05, 0.01
EPSILON = 1e-5


def main() -> None:
    """Train, write, measure."""
    parser = argparse.ArgumentParser(description="Train an MoE vision transformer.")
    parser.add_argument("data", choices=DATA)
    parser.add_argument("--folder", type=Path, help="where scripts/glyphs.py has written; glyphs only")
    parser.add_argument("--weights", choices=["int8", "ternary"], default="int8")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="in place of the data's own number")
    parser.add_argument("--device", default="cpu", help="a device of PyTorch")
    parser.add_argument("--out", type=Path, default=PRESETS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    data = DATA[args.data](args.folder)
    data.train = data.train.to(args.device)
    data.train_labels = [labels.to(args.device) for labels in data.train_labels]
    total = args.steps or data.steps
    began = time.process_time()

    model = MoeVit(data.geometry, [len(classes) for _, classes in data.tasks]).to(args.device)
    plain = Quantiser()
    state = fit(model, data, plain, 0, int(total * FLOAT_SHARE), total)
    steps = calibrate(model, data, args.weights)
    integer = copy.deepcopy(model)
    report(model, data, plain, f"float at {FLOAT_SHARE:.0%}")
    fit(model, data, plain, int(total * FLOAT_SHARE), total, total, copy.deepcopy(state))
    baseline = report(model, data, plain, "float baseline")
    exact = Quantiser(steps, args.weights)
    fit(integer, data, exact, int(total * FLOAT_SHARE), total, total, state)
    report(integer, data, exact, "with roundings")
    print(f"{total} steps of {data.batch} images, {time.process_time() - began:.0f} CPU seconds")

    name = f"moe_vit_{args.data}" + ("" if args.weights == "int8" else f"_{args.weights}")
    write_model(args.out / name, integer, data, steps, args.weights)
    arrays = {"images": data.test_codes, **data.extra}
    for index, (task, _) in enumerate(data.tasks):
        arrays |= {task: data.test_labels[index].astype(np.uint8), f"{task}_float": baseline[index].astype(np.uint8)}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_file(args.out / f"{name}_test.npz", buffer.getvalue())


def rate_at(step: int, total: int) -> float:
    """Give the learning rate: a linear start, then a cosine to 0."""
    return RATE * min((step + 1) / WARMUP, 0.5 * (1 + math.cos(math.pi * step / total)))


def fit(
    model: MoeVit, data: Data, quantiser: Quantiser, start: int, end: int, total: int, state: Steps | None = None
) -> Steps:
    """Take steps ``start`` to ``end`` of ``total``; give the optimiser's state."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.98))
    if state is not None:
        optimiser.load_state_dict(state)
    device = data.train.device
    dice = torch.Generator(device).manual_seed(start + 1)
    average = torch.zeros((), device=device)
    for step in range(start, end):
        rows = torch.randint(len(data.train), (data.batch,), generator=dice, device=device)
        task = step % len(data.tasks)
        images = data.augment(data.train[rows], dice)
        logits, balance = model(images, task, quantiser)
        loss = functional.cross_entropy(logits, data.train_labels[task][rows], label_smoothing=SMOOTHING)
        optimiser.zero_grad(set_to_none=True)
        (loss + BALANCE * balance).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, total)
        optimiser.step()
        average += 0.02 * (loss.detach() - average)
        if step % 250 == 0:
            print(f"step {step}: loss {float(average):.3f}, {time.process_time():.0f} CPU s", flush=True)
    found: Steps = optimiser.state_dict()
    return found


@torch.no_grad()
def predict(model: MoeVit, images: Tensor, task: int, quantiser: Quantiser) -> Tensor:
    """Give the classes of images."""
    return torch.cat([model(part, task, quantiser)[0].argmax(dim=1) for part in images.split(128)])


def report(model: MoeVit, data: Data, quantiser: Quantiser, name: str) -> list[np.ndarray]:
    """Print the accuracy on held-out images; give the classes by task."""
    images = torch.from_numpy(data.test_codes).float().unsqueeze(1).to(data.train.device) * data.pixel_step
    found = [predict(model, images, task, quantiser).cpu().numpy() for task in range(len(data.tasks))]
    shares = [
        f"{task} {np.mean(classes == labels):.2%}"
        for (task, _), classes, labels in zip(data.tasks, found, data.test_labels, strict=True)
    ]
    print(f"{name}: {', '.join(shares)} of {len(images)} held-out images", flush=True)
    return found


@torch.no_grad()
def calibrate(model: MoeVit, data: Data, weights: str) -> Steps:
    """Choose steps from what 512 training images show: common ones are powers of two."""
    watch, dice = Quantiser(watch=True), torch.Generator(data.train.device).manual_seed(0)
    for task in range(len(data.tasks)):
        rows = torch.randint(len(data.train), (512,), generator=dice, device=data.train.device)
        model(data.augment(data.train[rows], dice), task, watch)
    seen = {name: torch.cat(parts).cpu() for name, parts in watch.seen.items()}

    def reach(name: str, share: float = 0.9995) -> float:
        return float(np.quantile(seen[name].numpy(), share))

    steps: Steps = {
        "pixel": data.pixel_step,
        "residual": 2.0 ** math.ceil(math.log2(reach("residual", 1.0) * 4 / 32767)),
        "norm": 2.0 ** round(math.log2(reach("norm") / 127)),
        "score": 2.0 ** math.ceil(math.log2(reach("score") / 127)),
        "gelu_in": 2.0 ** round(math.log2(reach("gelu_in") / 127)),
        "gelu_out": 2.0 ** round(math.log2(reach("gelu_out") / 127)),
        "gate": 2.0 ** math.ceil(math.log2(reach("gate", 1.0) * 1.5 / 511)),
        "blocks": [
            {name: reach(f"{name}.{block}") / 127 for name in ("q", "k", "v", "attention")}
            for block in range(data.geometry["layers"])
        ],
    }
    if weights == "ternary":  # a step of a sum is large: finer steps of the residual stream would be lost on it
        largest = max(float(p.abs().mean()) for name, p in model.named_parameters() if "blocks" in name and p.ndim > 1)
        steps["residual"] = max(steps["residual"], 2.0 ** math.ceil(math.log2(2 * largest * steps["gelu_out"])))
    print("steps", steps)
    return steps


def write_model(path: Path, model: MoeVit, data: Data, steps: Steps, weights: str) -> None:
    """Write tensors and configuration."""
    tensors = {name: value.detach().cpu().numpy().copy() for name, value in model.state_dict().items()}
    write_file(path.with_suffix(".safetensors"), save(tensors))
    config = {
        "format": "gatewright-vit-1",
        "name": path.name,
        "geometry": data.geometry,
        "tasks": [{"name": name, "classes": classes} for name, classes in data.tasks],
        "weights": weights,
        "norm": "layer",
        "over": "all",
        "epsilon": EPSILON,
        "steps": steps,
    }
    write_file(path.with_suffix(".json"), json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
