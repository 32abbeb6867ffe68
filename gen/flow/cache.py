# SPDX-License-Identifier: BSD-2-Clause
"""Skip a step whose inputs have not changed since it last ran."""

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import gatewright
from gatewright.gen.files import write_file
from gatewright.hw.core.errors import GatewrightError

_STAMPS = ".stamps"


@dataclass(frozen=True)
class StepRecord:
    """How one step went.

    Attributes
    ----------
    cached : bool
        Whether the outputs of an earlier run were kept.
    seconds : float
        Wall time of this call.
    """

    name: str
    cached: bool
    seconds: float


@dataclass
class Steps:
    """The steps of one build in one folder, in order.

    A step's outputs are written in a folder aside and renamed into place when all exist; its stamp
    is written last. So a step that was interrupted runs again.

    Attributes
    ----------
    announce : callable
        Told the name of each step as it begins.
    withdraw : tuple of str
        Files removed before a step works: they came from inputs that no longer hold.
    records : list of StepRecord
        The steps so far.
    """

    folder: Path
    announce: Callable[[str], None] = lambda name: None
    withdraw: tuple[str, ...] = ()
    records: list[StepRecord] = field(default_factory=list)

    def run(self, name: str, inputs: Mapping[str, Any], outputs: Iterable[str], work: Callable[[Path], None]) -> None:
        """Run ``work`` unless a stamp says that it ran on equal inputs and its outputs are intact.

        Parameters
        ----------
        name : str
            The step.
        inputs : mapping
            Everything the outputs depend on, as JSON data; files by their checksum.
        outputs : iterable of str
            Names that ``work`` writes in the folder it is given, and that come to stand in the build folder.
        """
        began = time.monotonic()
        self.announce(name)
        names = list(outputs)
        key = digest({"inputs": dict(inputs), "outputs": names, "code": code_checksum()})
        cached = self._stamped(name, key, names)
        if not cached:
            for stale in self.withdraw:
                (self.folder / stale).unlink(missing_ok=True)
            self._work(name, key, names, work)
        self.records.append(StepRecord(name, cached, time.monotonic() - began))

    def _work(self, name: str, key: str, outputs: list[str], work: Callable[[Path], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stamp(name).unlink(missing_ok=True)
        aside = Path(tempfile.mkdtemp(dir=self.folder, prefix=f".{name}."))
        try:
            work(aside)
            for output in outputs:
                (aside / output).replace(self.folder / output)
            stamp = {"key": key, "outputs": {output: checksum(self.folder / output) for output in outputs}}
            write_file(self._stamp(name), json.dumps(stamp, indent=2) + "\n")
        except GatewrightError as error:  # the logs that it names outlive the folder aside
            raise type(error)(str(error).replace(str(aside), str(self.folder / "logs"))) from error
        finally:
            self._keep_logs(aside)
            shutil.rmtree(aside, ignore_errors=True)

    def _keep_logs(self, aside: Path) -> None:
        for log in (*aside.glob("*.log"), *aside.glob("*.ys")):
            (self.folder / "logs").mkdir(exist_ok=True)
            log.replace(self.folder / "logs" / log.name)

    def _stamp(self, name: str) -> Path:
        return self.folder / _STAMPS / f"{name}.json"

    def _stamped(self, name: str, key: str, outputs: list[str]) -> bool:
        try:
            stamp = json.loads(self._stamp(name).read_text())
            return stamp["key"] == key and all(
                checksum(self.folder / output) == stamp["outputs"][output] for output in outputs
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False


def checksum(path: Path) -> str:
    """Give a file's SHA-256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digest(value: Any) -> str:
    """Give the SHA-256 of JSON data; equal data in another order of keys gives the same."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@cache
def code_checksum() -> str:
    """Give a checksum of the flow's own source, so that a change to it reruns every step."""
    root = Path(gatewright.__file__).parent
    folders = (root / "gen" / "flow", root / "fpga_boards")
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in {".py", ".v"})
    return digest({str(path.relative_to(root)): checksum(path) for path in files})
