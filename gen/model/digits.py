# SPDX-License-Identifier: BSD-2-Clause
"""The digits data: 1797 handwritten digits of 8x8 pixels, and the splits that we quote figures on.

Data: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, 1998, doi:10.24432/C50P49, CC BY 4.0; the copy bundled with scikit-learn. Split: 1347 to train on
and 450 held out, by ``train_test_split(test_size=0.25, random_state=0, stratify=labels)``. A harder one takes the
last 360 images of the file as they stand; neighbours there often share a writer, so fewer writers are on both sides.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ToolError

HELD_OUT = 450
HELD_OUT_IN_ORDER = 360
PIXEL_MAX = 16


class Digits(NamedTuple):
    """Images ``(n, 8, 8) uint8`` with pixels 0..16, and their labels ``(n,) uint8``."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def bundled_test() -> Digits:
    """Read the held-out images that ship with the package; needs nothing but numpy."""
    with np.load(bundled_file()) as arrays:
        return Digits(arrays["images"], arrays["labels"])


def bundled_file() -> Path:
    """Give the path of the bundled held-out images."""
    return Path(__file__).parent.parent / "presets" / "digits_test.npz"


def split() -> tuple[Digits, Digits]:
    """Load all digits from scikit-learn and split them into train and held-out test.

    Raises
    ------
    ToolError
        scikit-learn is not installed.
    """
    everything = _load()
    from sklearn.model_selection import train_test_split

    parts = train_test_split(*everything, test_size=0.25, random_state=0, stratify=everything.labels)
    return Digits(parts[0], parts[2]), Digits(parts[1], parts[3])


def split_in_order() -> tuple[Digits, Digits]:
    """Give all digits but the last 360, and the last 360.

    Raises
    ------
    ToolError
        scikit-learn is not installed.
    """
    images, labels = _load()
    cut = len(labels) - HELD_OUT_IN_ORDER
    return Digits(images[:cut], labels[:cut]), Digits(images[cut:], labels[cut:])


def _load() -> Digits:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ToolError("scikit-learn is missing, and it holds the digits; pip install scikit-learn") from None
    data = load_digits()
    return Digits(data.images.astype(np.uint8), data.target.astype(np.uint8))
