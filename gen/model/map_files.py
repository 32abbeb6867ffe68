# SPDX-License-Identifier: BSD-2-Clause
"""The files of a model that settings name, and the identity of the design that is made of them."""

import json
import zlib
from pathlib import Path
from typing import Any

from gatewright.gen.model.map_qnn_mlp import find_file


def model_files(settings: Any, folder: Path) -> tuple[Path, dict[str, bytes], int]:
    """Give a model's path, its tensors and configuration by the names in the settings, and the design's identity.

    Raises
    ------
    ModelError
        One line naming the file.
    """
    path = find_file(settings.model, folder, "model")
    assets = {name: (path.parent / Path(name).name).read_bytes()
              for name in (settings.model, str(Path(settings.model).with_suffix(".json")))}  # fmt: skip
    return path, assets, zlib.crc32(json.dumps(settings.model_dump()).encode() + b"".join(assets.values()))
