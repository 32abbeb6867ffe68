# SPDX-License-Identifier: BSD-2-Clause
"""Play a room's stimulus against faulty variants of its RTL, one after another in one simulation.

The design under test carries all faults; the input ``mutant_select`` switches one on. Number 0
is the original and has to pass.
"""

import json
import os
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import cocotb
import numpy as np

from gatewright.tb.harness.stream_tests import Session, open_session
from gatewright.tb.harness.streams import BenchError

TESTS = ("kill_mutants",)


@cocotb.test(name="kill_mutants")
async def test_kill_mutants(dut: Any) -> None:
    """Find for every fault the first check that notices it."""
    arguments = json.loads(os.environ["GATEWRIGHT_BENCH"])
    session = open_session(dut, "mutants")
    fault = await _first_failure(dut, session, 0)
    if fault is not None:
        raise BenchError(f"the unchanged design fails: {fault} (seed {session.seed})")
    verdicts: dict[str, str | None] = {}
    for number in range(1, int(arguments["mutants"]) + 1):
        verdicts[str(number)] = await _first_failure(dut, session, number)
    Path(os.environ["GATEWRIGHT_COUNTS"]).write_text(json.dumps({"kill_mutants": verdicts}))


async def _first_failure(dut: Any, session: Session, number: int) -> str | None:
    """Run the checks until one fails; give its message, or None if the fault survives."""
    dut.mutant_select.value = 0
    await session.streams.reset(2)
    dut.mutant_select.value = number
    session.rng = np.random.default_rng([session.seed, number])
    checks: tuple[Callable[[Session], Awaitable[None]], ...] = import_module(session.bench.test_module).BODIES
    for body in checks:
        try:
            await body(session)
        except (BenchError, ValueError) as failure:
            return f"{body.__name__}: {failure}"
    return None
