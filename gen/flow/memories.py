# SPDX-License-Identifier: BSD-2-Clause
"""Synthesis of designs with very many small memories, such as the tables of a lookup engine.

Yosys' ``memory_libmap`` looks through the whole module once for each memory, so time grows with the square of an
engine's size. Here each memory is a module of its own while it is mapped, then all become one again. The mapping sees
the same memory and the same library, so memories and flip-flops come out the same; LUTs differ by what the order of
cells is worth to ABC, in tests under three percent.
"""

import re
from collections.abc import Sequence
from itertools import count

from gatewright.gen.flow.cells import Fabric

MANY = 500  # memories, from which on waiting is worse than a LUT more or less
STAGES: dict[Fabric, tuple[str, str]] = {
    "ecp5": ("map_ram", "map_ffram"),
    "ice40": ("map_ram", "map_ffram"),
    "gowin": ("map_ram", "map_ffram"),
    "xilinx": ("map_memory", "map_ffram"),
}  # the flow's labels at which mapping of memories begins, and at which the next stage does

_DECLARED = re.compile(r"^(\s*)(reg\s*(?:\[[^\]]+\])?\s*\S+\s*\[[^\]]+\]\s*;)", re.MULTILINE)


def has_many(sources: Sequence[str]) -> bool:
    """Tell whether Verilog texts declare more memories than Yosys maps in reasonable time."""
    return sum(len(_DECLARED.findall(text)) for text in sources) > MANY


def name_memories(sources: Sequence[str]) -> list[str]:
    """Give each declared memory an attribute that makes a module of it when ``submod`` runs."""
    number = count()

    def named(declared: re.Match[str]) -> str:
        return f'{declared[1]}(* submod = "memory_{next(number)}" *) {declared[2]}'

    return [_DECLARED.sub(named, text) for text in sources]


def map_apart(command: str, family: Fabric) -> list[str]:
    """Give the family's flow for sources whose memories have been named."""
    first, then = STAGES[family]
    return [
        f"{command} -run :{first}", "submod", f"{command} -run {first}:{then}", "flatten", "opt_clean",
        f"{command} -run {then}:",
    ]  # fmt: skip
