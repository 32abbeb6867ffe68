# SPDX-License-Identifier: BSD-2-Clause
"""External programs: what they print, how they fail, and what their logs keep."""

import sys

import pytest

from gatewright.hw.core.errors import ToolError
from gatewright.tb.tools import run_program


def run(tmp_path, code, log=True, **options):
    return run_program([sys.executable, "-c", code], tmp_path, tmp_path / "log" if log else None, **options)


@pytest.mark.parametrize("log", [True, False])
def test_both_streams_are_returned_in_order(tmp_path, log):
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    assert run(tmp_path, code, log) == "one\ntwo\n"
    assert (tmp_path / "log").exists() is log


def test_octets_that_are_no_text_do_no_harm(tmp_path):
    assert run(tmp_path, "import sys; sys.stdout.buffer.write(b'a\\xff')") == "a\ufffd"


def test_a_failure_names_its_last_error_and_the_log(tmp_path):
    with pytest.raises(ToolError, match=r"failed: ERROR: no such part; see .*log$"):
        run(tmp_path, "print('ERROR: no such part'); raise SystemExit(1)")


def test_what_a_program_printed_before_it_was_stopped_is_kept(tmp_path):
    with pytest.raises(ToolError, match=r"was stopped after 1 s$"):
        run(tmp_path, "import time; print('step 1', flush=True); time.sleep(30)", seconds=1)
    assert (tmp_path / "log").read_text() == "step 1\n"
