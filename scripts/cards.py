# SPDX-License-Identifier: BSD-2-Clause
"""Bring the generated parts of all room cards up to date; ``--check`` only reports drift."""

import sys
from pathlib import Path

from gatewright.gen.cards import fill, read_costs
from gatewright.gen.registry import ROOMS

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Rewrite the cards; return 1 if any was out of date."""
    costs = read_costs(ROOT / "scripts" / "results" / "rooms.json")
    stale = []
    for room in ROOMS:
        path = ROOT / "hw" / room.wing / room.name / "card.md"
        text = path.read_text()
        fresh = fill(text, room, costs)
        if fresh != text:
            stale.append(str(path.relative_to(ROOT)))
            if "--check" not in sys.argv:
                path.write_text(fresh)
    print("\n".join(stale) or "all cards are up to date")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
