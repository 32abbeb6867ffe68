# SPDX-License-Identifier: BSD-2-Clause
"""``verify`` passes sound hardware, and fails broken hardware with the beat, a waveform and a JUnit report."""

import sys
import xml.etree.ElementTree as ET

import pytest

from gatewright.gen import verify as verification
from gatewright.gen.cli import main
from gatewright.gen.emit import generate


@pytest.fixture
def skid(tmp_path, monkeypatch):
    config = tmp_path / "skid.toml"
    config.write_text('room = "skid"\n[parameters]\nwidth = 4\n')
    monkeypatch.setattr(sys, "argv", ["gatewright", "verify", str(config), "--out", str(tmp_path / "out")])
    return tmp_path / "out"


def test_sound_hardware_passes(skid, capsys):
    assert main() == 0
    assert "pass" in capsys.readouterr().out
    suite = ET.parse(skid / "verify.xml").getroot().find("testsuite")
    assert len(suite.findall("testcase")) == 5
    assert not suite.findall("testcase/failure")


def test_broken_hardware_fails_with_the_beat_a_waveform_and_a_report(skid, capsys, monkeypatch):
    def broken(design, out):
        about = generate(design, out)
        path = out / f"{design.top}.v"
        sound = path.read_text()
        wrong = sound.replace("? i__payload :", "? ~i__payload :", 1)
        assert wrong != sound
        path.write_text(wrong)
        return about

    monkeypatch.setattr(verification, "generate", broken)
    assert main() == 1
    shown = capsys.readouterr().out
    assert "FAIL" in shown
    assert "o beat 0 is" in shown
    assert "(seed 1)" in shown
    suite = ET.parse(skid / "verify.xml").getroot().find("testsuite")
    assert suite.findall("testcase/failure")
    assert list((skid / "skid").glob("waves.*"))
