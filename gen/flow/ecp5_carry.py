# SPDX-License-Identifier: BSD-2-Clause
"""Move LUTs into the ECP5's carry cells.

Half of a CCU2C is a LUT4 that feeds a carry multiplexer. Yosys uses two of its inputs, as an adder,
and leaves what negates, masks or chooses an operand in LUTs of their own. Here such a LUT moves in
where the inputs suffice: an adder with negation then costs no more than an adder.

With ``p`` the value of the LUT4 on its pins A..D, half a cell gives ``sum = p ^ carry_in`` and
``carry_out = p ? carry_in : g``, where ``g`` is the value of the same LUT4 with C and D at 0. So it
may hold any function of four nets whose ``g`` is right wherever ``p`` is 0, and of three nets any whose
``g`` there depends on two of them only, since D can be tied to 1. Pins are permuted until that holds.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

Cell = dict[str, Any]
Bit = int | str
Levels = Mapping[Bit, int]
PINS = "ABCD"
HALVES = {f"{pin}{side}" for pin in PINS for side in "01"}  # of a carry cell; CIN is another pin
_TIED: Levels = {"0": 0, "1": 1, "x": 0}
_MOST = len(PINS)


@dataclass(frozen=True)
class Half:
    """What half a carry cell computes.

    Attributes
    ----------
    nets : tuple
        Its inputs.
    propagate, generate : callable
        Values of ``p`` and ``g`` for given levels of the nets.
    carries : bool
        Whether anything depends on ``g``; not so at the top of a chain.
    """

    nets: tuple[Bit, ...]
    propagate: Callable[[Levels], int]
    generate: Callable[[Levels], int]
    carries: bool


@dataclass
class _Module:
    """Cells and nets of a module."""

    cells: dict[str, Cell]
    outside: set[Bit]
    luts: dict[Bit, str] = field(default_factory=dict)
    readers: dict[Bit, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if cell["port_directions"][port] == "input":
                        self.readers[bit].append((name, port))
                    elif cell["type"] == "LUT4" and "keep" not in cell["attributes"]:
                        self.luts[bit] = name


def absorb_luts(netlist: dict[str, Any]) -> int:
    """Move LUTs into the carry cells of a Yosys JSON netlist, in place.

    A LUT moves only if all that reads it are carry cells that can take it, so that it goes for good.

    Returns
    -------
    int
        LUTs saved.
    """
    found = 0
    for module in netlist["modules"].values():
        nets = _Module(module["cells"], {bit for port in module["ports"].values() for bit in port["bits"]})
        while moved := sum(_absorb(nets, bit) for bit in list(nets.luts)):
            found += moved
    return found


def _absorb(nets: _Module, bit: Bit) -> bool:
    """Move the LUT that drives ``bit`` into all its readers, or leave everything as it is."""
    readers = nets.readers[bit]
    if bit in nets.outside or not readers:
        return False
    if any(nets.cells[name]["type"] != "CCU2C" or port not in HALVES for name, port in readers):
        return False
    lut = nets.cells[nets.luts[bit]]
    plans = []
    for name, side in sorted({(name, port[1]) for name, port in readers}):
        half = _half(nets, nets.cells[name], side)
        plan = half and arrange(substitute(half, bit, *_lut(lut)))
        if not plan:
            return False
        plans.append((name, side, plan))
    for name, side, (pins, init) in plans:
        _rewire(nets, name, side, pins, init)
    for port in PINS:
        net = _pin(lut, port)
        if (nets.luts[bit], port) in nets.readers[net]:
            nets.readers[net].remove((nets.luts[bit], port))
    del nets.cells[nets.luts.pop(bit)], nets.readers[bit]
    return True


def _pin(cell: Cell, port: str) -> Bit:
    bits: list[Bit] = cell["connections"].get(port) or ["0"]
    return bits[0]


def _read(table: int, pins: list[Bit]) -> Callable[[Levels], int]:
    """Give a LUT's value as a function of the levels of its nets."""

    def value(levels: Levels) -> int:
        at = sum((levels[pin] if isinstance(pin, int) else _TIED[pin]) << index for index, pin in enumerate(pins))
        return table >> at & 1

    return value


def _nets(pins: list[Bit]) -> tuple[Bit, ...]:
    return tuple(dict.fromkeys(pin for pin in pins if isinstance(pin, int)))


def _lut(cell: Cell) -> tuple[tuple[Bit, ...], Callable[[Levels], int]]:
    pins = [_pin(cell, port) for port in PINS]
    return _nets(pins), _read(int(cell["parameters"]["INIT"], 2), pins)


def _half(nets: _Module, cell: Cell, side: str) -> Half | None:
    """Read half a cell; None if it cuts its chain."""
    if "YES" in (cell["parameters"].get(f"INJECT1_{index}", "YES").strip() for index in "01"):
        return None
    pins = [_pin(cell, f"{port}{side}") for port in PINS]
    table = int(cell["parameters"][f"INIT{side}"], 2)
    above = ("COUT",) if side == "1" else ("COUT", "S1")
    carries = any(_used(nets, cell["connections"].get(port, ())) for port in above)
    return Half(_nets(pins), _read(table, pins), _read(table, [*pins[:2], "0", "0"]), carries)


def _used(nets: _Module, bits: Any) -> bool:
    return any(bit in nets.outside or nets.readers[bit] for bit in bits)


def substitute(half: Half, bit: Bit, inputs: tuple[Bit, ...], value: Callable[[Levels], int]) -> Half:
    """Give the function of half a cell once ``bit`` is computed inside."""
    names = tuple(dict.fromkeys([*(net for net in half.nets if net != bit), *inputs]))

    def inside(function: Callable[[Levels], int]) -> Callable[[Levels], int]:
        return lambda levels: function({**levels, bit: value(levels)})

    return Half(names, inside(half.propagate), inside(half.generate), half.carries)


def arrange(half: Half) -> tuple[list[Bit], int] | None:
    """Find pins A..D and the LUT's contents for a function; None if half a cell cannot do it."""
    count = len(half.nets)
    if count > _MOST:
        return None
    rows = []
    for number in range(1 << count):
        levels = {net: number >> index & 1 for index, net in enumerate(half.nets)}
        rows.append((levels, half.propagate(levels), half.generate(levels)))
    for order in permutations(half.nets):
        init = _contents(order, rows, half.carries)
        if init is not None:
            return [*order, *["1"] * (_MOST - count)], init
    return None


def _contents(order: tuple[Bit, ...], rows: list[tuple[dict[Bit, int], int, int]], carries: bool) -> int | None:
    """Give the LUT's contents for an order of the pins; those left are tied to 1."""
    table: dict[int, int] = {}
    for levels, propagate, _ in rows:
        at = sum(levels[net] << index for index, net in enumerate(order))
        table[at | (0xF << len(order) & 0xF)] = propagate
    for levels, propagate, generate in rows:
        at = sum(levels[net] << index for index, net in enumerate(order[:2])) | (3 << len(order) & 3)
        if carries and not propagate and table.setdefault(at, generate) != generate:
            return None
    return sum(value << at for at, value in table.items())


def _rewire(nets: _Module, name: str, side: str, pins: list[Bit], init: int) -> None:
    cell = nets.cells[name]
    for port, bit in zip(PINS, pins, strict=True):
        pin = f"{port}{side}"
        old = _pin(cell, pin)
        if (name, pin) in nets.readers[old]:
            nets.readers[old].remove((name, pin))
        cell["connections"][pin] = [bit]
        cell["port_directions"][pin] = "input"
        nets.readers[bit].append((name, pin))
    cell["parameters"][f"INIT{side}"] = f"{init:016b}"
