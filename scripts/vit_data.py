# SPDX-License-Identifier: BSD-2-Clause
"""What the MoE vision transformers are trained on: images, labels, augmentation and the model's size."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from glyphs import CLASSES, CODE_MAX, SIZE
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional

from gatewright.gen.model.digits import PIXEL_MAX, split_in_order

Array = NDArray[Any]


@dataclass
class Data:
    """A data set and how to train on it.

    Attributes
    ----------
    geometry : dict
        As in the model file.
    tasks : list of (name, classes)
    train : Tensor
        Images that ``augment`` takes.
    train_labels, test_labels : list
        Labels by task.
    augment : callable
        Turns a batch of ``train`` into images of real pixels, ``(n, 1, height, width)``.
    test_codes : array
        Held-out images as codes.
    extra : dict
        More arrays that belong to the held-out images.
    pixel_step : float
        Real value of a pixel's code of 1.
    batch, steps : int
        Images in a step, and steps.
    """

    geometry: dict[str, int]
    tasks: list[tuple[str, list[str]]]
    train: Tensor
    train_labels: list[Tensor]
    test_codes: Array
    test_labels: list[Array]
    augment: Callable[[Tensor, Generator], Tensor]
    pixel_step: float
    batch: int
    steps: int
    extra: dict[str, Array] = field(default_factory=dict)


def digits(folder: Path | None) -> Data:
    """Digits by class and by parity, which the label defines and no writer's habit blurs."""
    train, test = split_in_order()

    def augment(images: Tensor, dice: Generator) -> Tensor:
        return in_codes(warp(images.unsqueeze(1), 8, dice, turn=0.2, stretch=0.1, shear=0.15, move=0.15), PIXEL_MAX)

    return Data(
        geometry={
            "channels": 1, "height": 8, "width": 8, "patch": 2, "dim": 64, "heads": 2, "layers": 2, "ff": 128,
            "experts": 4, "expert_ff": 64, "top_k": 2,
        },
        tasks=[("digit", [str(digit) for digit in range(10)]), ("parity", ["even", "odd"])],
        train=torch.from_numpy(train.images).float() / PIXEL_MAX,
        train_labels=[torch.from_numpy(train.labels).long(), torch.from_numpy(train.labels % 2).long()],
        test_codes=test.images,
        test_labels=[test.labels, test.labels % 2],
        augment=augment,
        pixel_step=1 / PIXEL_MAX,
        batch=64,
        steps=5000,
    )  # fmt: skip


def glyphs(folder: Path | None) -> Data:
    """Printed digits and capitals."""
    assert folder is not None, "glyphs need --folder"
    preset = Path(__file__).parent.parent / "gen" / "presets" / "moe_vit_glyphs_test.npz"
    with np.load(folder / "glyphs_train.npz") as train, np.load(preset) as test:
        drawings, labels = train["drawings"], train["labels"]
        codes, wanted, extra = test["images"], test["glyph"], {name: test[name] for name in ("face", "faces")}

    def augment(images: Tensor, dice: Generator) -> Tensor:
        drawn = images.unsqueeze(1).float() / 255
        small = warp(drawn, 2 * SIZE, dice, turn=0.1, stretch=0.12, shear=0.15, move=0.08)
        bend = torch.exp(torch.rand(len(small), 1, 1, 1, generator=dice, device=dice.device) * 1.2 - 0.6)
        return in_codes(functional.avg_pool2d(small.clamp(1e-6, 1) ** bend, 2), CODE_MAX)

    return Data(
        geometry={
            "channels": 1, "height": SIZE, "width": SIZE, "patch": 2, "dim": 64, "heads": 2, "layers": 4, "ff": 128,
            "experts": 4, "expert_ff": 64, "top_k": 2,
        },
        tasks=[("glyph", list(CLASSES))],
        train=torch.from_numpy(drawings),
        train_labels=[torch.from_numpy(labels).long()],
        test_codes=codes,
        test_labels=[wanted],
        augment=augment,
        pixel_step=1 / CODE_MAX,
        batch=64,
        steps=8000,
        extra=extra,
    )  # fmt: skip


def warp(
    images: Tensor, size: int, dice: Generator, turn: float, stretch: float, shear: float, move: float
) -> Tensor:
    """Map images through random affine maps, one each; amounts in radians, and shares of half an image."""
    n = len(images)

    def spread(most: float) -> Tensor:
        return (2 * torch.rand(n, generator=dice, device=dice.device) - 1) * most

    angle, slant = spread(turn), spread(shear)
    across, down = torch.exp(spread(stretch)), torch.exp(spread(stretch))
    cos, sin = torch.cos(angle), torch.sin(angle)
    first = torch.stack([cos * across, (slant * cos - sin) * down, spread(move)], dim=1)
    second = torch.stack([sin * across, (slant * sin + cos) * down, spread(move)], dim=1)
    grid = functional.affine_grid(torch.stack([first, second], dim=1), [n, 1, size, size], align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def in_codes(pixels: Tensor, most: int) -> Tensor:
    """Round real pixels to codes."""
    return (pixels * most).round() / most


DATA: dict[str, Callable[[Path | None], Data]] = {"digits": digits, "glyphs": glyphs}
