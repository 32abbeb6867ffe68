# SPDX-License-Identifier: BSD-2-Clause
"""Read numpy files that users give."""

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.hw.core.errors import ModelError


def read_arrays(path: Path, kind: str = "input", only: str = "images") -> dict[str, NDArray[Any]]:
    """Give the arrays of a ``.npy`` or ``.npz`` file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        What error lines call it.
    only : str
        Name for the array of a ``.npy`` file.

    Raises
    ------
    ModelError
        One line naming the file.
    """
    try:
        with path.open("rb") as file:
            content = np.load(file, allow_pickle=False)
            return {only: content} if isinstance(content, np.ndarray) else dict(content)
    except OSError as error:
        raise ModelError(f"{kind} file {path} can't be read: {error.strerror}; give a .npy or .npz file") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise ModelError(
            f"{kind} file {path} is no .npy or .npz file of plain numbers; write it with numpy.save or numpy.savez"
        ) from None
