# SPDX-License-Identifier: BSD-2-Clause
"""Tidy RTLIL text before it becomes Verilog.

Amaranth elaborates every instance of a component into a module of its own, with dotted names.
Here equal modules become one, and names become plain Verilog identifiers, so that a reader sees
one processing element and not sixty-four. A memory with the attribute ``uninitialised`` loses its
first contents, which Amaranth always writes and some memories can't have.
"""

import re
from collections.abc import Iterable

_IDENTIFIER = re.compile(r'(\\+)([^\s"\\]+)')
_MEMORY = re.compile(r"^  memory .* (\\\S+)$")
_UNINITIALISED = "  attribute \\uninitialised 1"
_PORT = re.compile(r"^(  wire .*?)(input|output|inout) (\d+)  ?(\\\S+)$")


def tidy(text: str) -> str:
    """Merge equal modules, then make every name a plain identifier."""
    return _plain_names(_merge(text))


def _modules(text: str) -> list[tuple[str, list[str]]]:
    """Split the text into (module name, lines), the module's own attributes included."""
    found: list[tuple[str, list[str]]] = []
    pending: list[str] = []
    name = ""
    for line in text.splitlines():
        if not line.strip():
            continue
        pending.append(line)
        if line.startswith("module "):
            name = line.split()[1]
        elif line == "end":
            found.append((name, pending))
            pending = []
    return found


def _blocks(lines: Iterable[str]) -> list[list[str]]:
    """Group lines into statements: a wire with its attributes, a cell or process with its body."""
    blocks: list[list[str]] = []
    current: list[str] = []
    inside = False
    for line in lines:
        current.append(line)
        word = line.split()[0]
        if line.startswith("  ") and not line.startswith("   ") and word in {"cell", "process"}:
            inside = True
        if inside:
            if line == "  end":
                inside = False
            else:
                continue
        elif word == "attribute":
            continue
        blocks.append(current)
        current = []
    return blocks


def _drop_contents(lines: list[str]) -> list[str]:
    """Drop the first contents of the memories that are marked to have none, and the mark."""
    if _UNINITIALISED not in lines:
        return lines
    head = next(i for i, line in enumerate(lines) if line.startswith("module ")) + 1
    blocks = _blocks(lines[head:-1])
    marked = [block for block in blocks if _UNINITIALISED in block]
    names = {match[1].replace("\\", "\\\\") for block in marked if (match := _MEMORY.match(block[-1]))}
    contents = {f'    parameter \\MEMID "{name}"' for name in names}
    kept = [
        block for block in blocks
        if not (block[0].startswith("  cell $meminit") and contents.intersection(block))
    ]  # fmt: skip
    return [*lines[:head], *(line for block in kept for line in block if line != _UNINITIALISED), lines[-1]]


def _canonical(lines: list[str]) -> list[str]:
    """Order wires, ports and connections by name, so that equal modules have equal text."""
    head = next(i for i, line in enumerate(lines) if line.startswith("module ")) + 1
    wires: list[list[str]] = []
    rest: list[list[str]] = []
    for block in _blocks(lines[head:-1]):
        is_wire = block[-1].lstrip().startswith("wire ")
        if len(block) > 1 and block[0].lstrip().startswith("cell "):
            block[1:-1] = sorted(block[1:-1])
        (wires if is_wire else rest).append(block)
    wires.sort(key=lambda block: block[-1].split()[-1])
    order = {"\\clk": 0, "\\rst": 1}
    ports = [match for block in wires if (match := _PORT.match(block[-1]))]
    ranked = sorted(ports, key=lambda m: (order.get(m[4], 2), m[2] != "input", m[4]))
    number = {match[4]: index for index, match in enumerate(ranked)}
    for block in wires:
        if match := _PORT.match(block[-1]):
            block[-1] = f"{match[1]}{match[2]} {number[match[4]]} {match[4]}"
    return [*lines[:head], *(line for block in [*wires, *rest] for line in block), "end"]


def _merge(text: str) -> str:
    """Keep one of each set of equal modules; children are settled before their parents."""
    modules = dict(_modules(text))
    kept: dict[str, str] = {}
    replaced: dict[str, str] = {}
    result: dict[str, list[str]] = {}
    for name in sorted(modules, key=lambda full: -full.count(".")):
        lines = [
            line.replace(f"cell {(cell := line.split()[1])} ", f"cell {replaced.get(cell, cell)} ", 1)
            if line.startswith("  cell \\")
            else line
            for line in modules[name]
        ]
        lines = _canonical(_drop_contents(lines))
        body = "\n".join(line for line in lines if not line.startswith("module "))
        first = kept.setdefault(body, name)
        replaced[name] = first
        if first == name:
            result[name] = lines
    used = _module_names(result)
    out: list[str] = []
    for lines in reversed(result.values()):
        for line in lines:
            words = line.split()
            named = line.startswith("module ") or (line.startswith("  cell \\") and words[1] in used)
            out.append(line.replace(words[1], used[words[1]], 1) if named else line)
    return "\n".join(out) + "\n"


def _module_names(names: Iterable[str]) -> dict[str, str]:
    """Give short module names: instance indices go where no clash follows."""
    given: dict[str, str] = {}
    for name in sorted(names, key=lambda full: (full.count("."), full)):
        plain = "\\" + re.sub(r"\W", "_", name[1:])
        short = re.sub(r"(_\d+)+$", "", plain) if "." in name else plain
        given[name] = short if short not in given.values() else plain
    return given


def _plain_names(text: str) -> str:
    """Replace every character that Verilog would have to escape."""
    taken: dict[str, str] = {}
    chosen: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        name = match[2]
        if name not in chosen:
            new = re.sub(r"\W", "_", name.replace(".", "__"))
            new = f"_{new}" if new[0].isdigit() else new
            while taken.get(new, name) != name:
                new += "_"
            taken[new], chosen[name] = name, new
        return match[1] + chosen[name]

    for match in _IDENTIFIER.finditer(text):  # names that need no change come first
        if re.fullmatch(r"[A-Za-z_]\w*", match[2]):
            taken[match[2]] = chosen[match[2]] = match[2]
    return _IDENTIFIER.sub(plain, text)
