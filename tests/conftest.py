# SPDX-License-Identifier: BSD-2-Clause
"""A skip hides a missing tool: under CI it is a failure."""

import os

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI: {report.longrepr[-1] if report.longrepr else ''}"


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory):
    """Folder for compiled models, shared by all tests of a session."""
    return tmp_path_factory.mktemp("models")
