# SPDX-License-Identifier: BSD-2-Clause
"""Keep Verilator's compiled runtime: it is the same for every model and takes most of a build.

The makefiles compile ``verilated*.cpp`` beside each model. Objects of an earlier build with the
same compiler, version and flags are laid into the folder first, so that make finds them done.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path


def kept(flags: str) -> list[Path]:
    """Give the objects kept for these flags, if there are any."""
    return sorted(_place(flags).glob("*.o"))


def lend(folder: Path, flags: str) -> None:
    """Put the kept objects into a build folder; copies are new, so make finds them newer than all sources."""
    for path in kept(flags):
        shutil.copy(path, folder / path.name)


def keep(folder: Path, flags: str) -> None:
    """Keep a finished build's objects for the next one; failure to write a cache is no failure."""
    place = _place(flags)
    found = sorted(folder.glob("verilated*.o"))
    if place.is_dir() or not found:
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=place.parent))
        for path in found:
            shutil.copy(path, fresh / path.name)
        fresh.replace(place)
    except OSError:
        return


def _place(flags: str) -> Path:
    key = hashlib.sha256(repr((version("verilator"), _compiler(), flags)).encode()).hexdigest()[:16]
    root = os.environ.get("GATEWRIGHT_CACHE")
    return (Path(root) if root else user_cache_path("gatewright")) / f"verilator-{key}"


@cache
def _compiler() -> str:
    done = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=False)
    return done.stdout
