# SPDX-License-Identifier: BSD-2-Clause
"""What the language models are trained on: the King James Bible from Debian's package bible-kjv, as bytes.

A verse is a line, a chapter ends with an empty line, numbers and headings are left out. A chapter is held out if
the CRC-32 of its heading, such as ``Genesis 1``, is a multiple of 20: 47 of 1189.
"""

import lzma
import re
import subprocess
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WHOLE, CHAPTERS, HELD_OUT = "gen1:1-rev22:21", 1189, 20
HEADING = re.compile(r"^((?:[123I]+ )?[A-Z][A-Za-z ]+ \d+)$", re.MULTILINE)
VERSE = re.compile(r"^(\d?[A-Za-z]+\d+):\d+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Text:
    """Bytes to train on, and bytes that are held out."""

    train: bytes
    held_out: bytes


def read_text() -> Text:
    """Ask the reader ``bible`` for all verses and split them by chapter."""
    headings = HEADING.findall(_bible(WHOLE))
    chapters: dict[str, list[str]] = {}
    for chapter, verse in VERSE.findall(_bible("-f", WHOLE)):
        chapters.setdefault(chapter, []).append(verse)
    assert len(headings) == len(chapters) == CHAPTERS, f"{len(headings)} headings, {len(chapters)} chapters"
    parts: tuple[list[str], list[str]] = [], []
    for heading, verses in zip(headings, chapters.values(), strict=True):
        parts[zlib.crc32(heading.encode()) % HELD_OUT == 0].append("\n".join(verses) + "\n\n")
    train, held_out = ("".join(part).encode("ascii") for part in parts)
    return Text(train, held_out)


def _bible(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["bible", *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True
        ).stdout
    except FileNotFoundError:
        raise SystemExit("bible is not installed; run: apt-get install bible-kjv bible-kjv-text") from None


def codes(text: bytes) -> NDArray[np.int64]:
    """Give bytes as tokens."""
    return np.frombuffer(text, np.uint8).astype(np.int64)


def xz_bits_per_byte(text: Text) -> tuple[float, float]:
    """Give what xz -9e takes for the held-out text alone, and behind the training text."""

    def size(data: bytes) -> int:
        return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))

    count = len(text.held_out) / 8
    return size(text.held_out) / count, (size(text.train + text.held_out) - size(text.train)) / count
