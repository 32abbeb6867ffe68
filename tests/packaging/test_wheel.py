# SPDX-License-Identifier: BSD-2-Clause
"""The wheel and the sdist hold what the source tree holds."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import gatewright
from gatewright.gen.registry import ROOMS

ROOT = Path(gatewright.__file__).resolve().parents[3]
DATA = {".py", ".md", ".toml", ".onnx", ".npz", ".v", ".cpp", ".h", ".jsonl", ".json"}


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def test_wheel_holds_every_room_and_data_file(archives):
    names = set(zipfile.ZipFile(archives[0]).namelist())
    for room in ROOMS:
        assert f"gatewright/hw/{room.wing}/{room.name}/component.py" in names
        assert f"gatewright/hw/{room.wing}/{room.name}/card.md" in names
    for folder in ("hw", "gen", "tb", "hls_kernels", "fpga_boards"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in DATA and "__pycache__" not in path.parts:
                assert f"gatewright/{path.relative_to(ROOT)}" in names
    assert {name.split("/")[0] for name in names} <= {"gatewright", f"gatewright-{gatewright.__version__}.dist-info"}


def test_sdist_builds_the_same_packages(archives):
    with tarfile.open(archives[1]) as archive:
        names = [name.split("/", 1)[-1] for name in archive.getnames()]
    assert any(name.endswith("gatewright/hw/core/config.py") for name in names)
    assert any(name.endswith("gatewright/gen/cli.py") for name in names)
