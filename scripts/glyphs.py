#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Render the glyphs data from Debian's font packages: 34 classes of printed characters, held-out font families.

Every face of 17 packages, less two that hold symbols, draws the ten digits and the letters A to Z without I
and O, which many faces draw like 1 and 0. A drawing is scaled to fit 14 pixels of 16, both ways by the same
factor, and centred; so size and place carry nothing. The test set is four families that no training face
derives from. Packages are fetched with ``apt-get download`` and unpacked, not installed.

``python scripts/glyphs.py FOLDER`` writes FOLDER/glyphs_train.npz (64x64 drawings, to be augmented) and
gen/presets/moe_vit_glyphs_test.npz (16x16 codes 0..64).
"""

import argparse
import io
import subprocess
from pathlib import Path

import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from gatewright.gen.files import write_file

CLASSES = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
SIZE, FINE, MARGIN = 16, 4, 1  # pixels, subpixels of each, empty pixels at the edge
CODE_MAX = 64

TRAIN = (
    "fonts-dejavu-core", "fonts-dejavu-extra", "fonts-freefont-ttf", "fonts-lato", "fonts-roboto-unhinted",
    "fonts-urw-base35", "fonts-crosextra-carlito", "fonts-crosextra-caladea", "fonts-croscore", "fonts-inconsolata",
    "fonts-cantarell", "fonts-ebgaramond", "fonts-junicode",
)  # fmt: skip
TEST = ("fonts-cabin", "fonts-linuxlibertine", "fonts-open-sans", "fonts-comfortaa")
# fonts-liberation2 is the design of croscore and fonts-hack that of DejaVu: in the test set they would leak.

# Symbols in place of letters.
NOT_TEXT = ("StandardSymbolsPS", "D050000L")


def main() -> None:
    """Fetch, render, write."""
    parser = argparse.ArgumentParser(description="Render the glyphs data from Debian's font packages.")
    parser.add_argument("folder", type=Path, help="where packages and the training drawings go")
    folder = parser.parse_args().folder
    for name, packages in (("train", TRAIN), ("test", TEST)):
        drawings, labels, faces, names = render(folder, packages)
        print(f"{name}: {len(names)} faces of {len(packages)} packages, {len(labels)} drawings")
        if name == "train":
            write_arrays(folder / "glyphs_train.npz", drawings=drawings, labels=labels)
        else:
            path = Path(__file__).parent.parent / "gen" / "presets" / "moe_vit_glyphs_test.npz"
            write_arrays(path, images=codes(drawings), glyph=labels, face=faces, faces=np.array(names))


def codes(drawings: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average the subpixels of drawings ``(n, 64, 64)``; give codes ``(n, 16, 16)``."""
    blocks = drawings.reshape(len(drawings), SIZE, FINE, SIZE, FINE).astype(np.int64).sum(axis=(2, 4))
    full = 255 * FINE * FINE
    rounded: NDArray[np.int64] = (2 * CODE_MAX * blocks + full) // (2 * full)
    return rounded.astype(np.uint8)


def write_arrays(path: Path, **arrays: NDArray[np.generic]) -> None:
    """Write an ``.npz`` file."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_file(path, buffer.getvalue())
    print(f"{path}: {len(buffer.getvalue())} bytes")


def render(
    folder: Path, packages: tuple[str, ...]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], list[str]]:
    """Draw all characters of all text faces; give drawings, labels, the index of each one's face, face names."""
    drawings, names = [], []
    for package in packages:
        for file in sorted(font_files(folder, package)):
            if file.stem not in NOT_TEXT and complete(file):
                names.append(f"{package}/{file.stem}")
                drawings.append([draw(file, character) for character in CLASSES])
    labels = np.tile(np.arange(len(CLASSES), dtype=np.uint8), len(names))
    faces = np.repeat(np.arange(len(names), dtype=np.uint8), len(CLASSES))
    return np.array(drawings, np.uint8).reshape(len(labels), SIZE * FINE, SIZE * FINE), labels, faces, names


def font_files(folder: Path, package: str) -> list[Path]:
    """Fetch and unpack a package once; give its fonts, one file for each face."""
    place = folder / package
    if not place.exists():
        debs = folder / "deb"
        debs.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=debs, check=True)
        [deb] = debs.glob(f"{package}_*.deb")
        subprocess.run(["dpkg", "-x", str(deb), str(place)], check=True)
    found = {file.stem: file for file in sorted(place.rglob("*.[ot]tf"))}
    return list(found.values())


def complete(file: Path) -> bool:
    """Tell whether a face has every character."""
    with TTFont(file, lazy=True) as font:
        known = font.getBestCmap() or {}
    return all(ord(character) in known for character in CLASSES)


def draw(file: Path, character: str) -> NDArray[np.uint8]:
    """Draw a character on 64x64 subpixels, as large as the margin allows, centred."""
    large = 256
    font = ImageFont.truetype(str(file), large)
    canvas = Image.new("L", (4 * large, 4 * large))
    ImageDraw.Draw(canvas).text((large, large), character, fill=255, font=font)
    box = canvas.getbbox()
    assert box is not None, f"{file}: {character} draws nothing"
    side, room = SIZE * FINE, (SIZE - 2 * MARGIN) * FINE
    width, height = box[2] - box[0], box[3] - box[1]
    factor = room / max(width, height)
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    small = canvas.crop(box).resize(size, Image.Resampling.BOX)
    page = Image.new("L", (side, side))
    page.paste(small, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(page)


if __name__ == "__main__":
    main()
