# SPDX-License-Identifier: BSD-2-Clause
"""The cards' generated parts are those that the code and the saved measurements give."""

from pathlib import Path

import pytest

import gatewright
from gatewright.gen.cards import fill, read_costs
from gatewright.gen.registry import ROOMS

ROOT = Path(gatewright.__file__).resolve().parents[3]
COSTS = read_costs(ROOT / "scripts" / "results" / "rooms.json")


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_card_is_up_to_date(room):
    text = (ROOT / "hw" / room.wing / room.name / "card.md").read_text()
    assert fill(text, room, COSTS) == text, "run: python scripts/cards.py"


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_card_has_all_parts(room):
    text = (ROOT / "hw" / room.wing / room.name / "card.md").read_text()
    for part in ("ports", "parameters", "cost"):
        assert f"<!-- generated: {part} -->" in text
    assert "Promise" in text
    for head in ("Timing", "Stage", "Not covered", "Sources"):
        assert f"## {head}" in text
