# SPDX-License-Identifier: BSD-2-Clause
"""Move registers into the ECP5's hard multipliers.

Yosys maps products to combinational multipliers and leaves the registers around them in the logic
fabric. A multiplier has registers of its own: one per operand and one for the product. Moving
equal registers there changes no value in any cycle, saves flip-flops, and takes the way between
fabric and multiplier out of the longest path.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_WIDTH = {"A": 18, "B": 18, "P": 36}
_REGISTER = {"A": "REG_INPUTA", "B": "REG_INPUTB", "P": "REG_OUTPUT"}
# What a flip-flop may say about itself to fit; a parameter that is not given has the first value.
_PLAIN = {"CLKMUX": ("CLK",), "REGSET": ("RESET",), "LSRMUX": ("LSR",), "CEMUX": ("1", "CE")}

Cell = dict[str, Any]
Bit = int | str


@dataclass
class _Nets:
    """Who drives and who reads each net of a module."""

    cells: dict[str, Cell]
    outside: set[Bit]
    drivers: dict[Bit, str] = field(default_factory=dict)
    readers: dict[Bit, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if cell["port_directions"][port] == "output":
                        self.drivers[bit] = name
                    else:
                        self.readers[bit].append((name, port))

    def drop(self, name: str) -> None:
        """Remove a cell."""
        for port, bits in self.cells.pop(name)["connections"].items():
            for bit in bits:
                if (name, port) in self.readers[bit]:
                    self.readers[bit].remove((name, port))


def absorb_registers(netlist: dict[str, Any]) -> int:
    """Move registers into the multipliers of a Yosys JSON netlist, in place.

    A multiplier gets both operand registers or neither, since nextpnr can't time one without the
    other. An operand's registers that something else reads too stay beside their copy; where both
    operands' do, nothing is saved and nothing moves. A product's registers move only if nothing
    else reads the product.

    Returns
    -------
    int
        Multipliers that got registers.
    """
    found = 0
    for module in netlist["modules"].values():
        outside = {bit for port in module["ports"].values() for bit in port["bits"]}
        nets = _Nets(module["cells"], outside)
        for name in [name for name, cell in module["cells"].items() if cell["type"] == "MULT18X18D"]:
            found += _absorb(nets, name)
    return found


def _absorb(nets: _Nets, name: str) -> bool:
    """Fill one multiplier; give whether anything moved."""
    cell = nets.cells[name]
    if any(cell["parameters"].get(f"{register}_CLK", "NONE") != "NONE" for register in _REGISTER.values()):
        return False
    groups = {side: _operand(nets, cell, side) for side in "AB"}
    controls = {side: _control(nets.cells[next(iter(flops.values()))]) for side, flops in groups.items() if flops}
    one_clock = len({clock for clock, _ in controls.values()}) == 1
    if len(controls) == 2 and one_clock and any(_free(nets, flops) for flops in groups.values()):
        for flops in groups.values():
            _move_operand(nets, name, flops)
    else:
        controls.clear()
    # Only now: a product that its own operand register took is read twice since.
    if product := _product(nets, cell):
        control = _control(nets.cells[next(iter(product.values()))])
        if all(control[0] == clock for clock, _ in controls.values()):
            controls["P"] = control
            _move_product(nets, name, product)
    if controls:
        _connect(cell, controls)
    return bool(controls)


def _operand(nets: _Nets, cell: Cell, side: str) -> dict[str, str]:
    """Give the flip-flop behind each pin of an operand that is no constant; none if they don't fit."""
    pins = [f"{side}{index}" for index in range(_WIDTH[side])]
    flops: dict[str, str] = {}
    for pin in pins:
        (bit,) = cell["connections"].get(pin) or ["0"]
        if bit in ("0", "x"):
            continue  # an operand register holds 0 from the start, as the pin does
        driver = nets.drivers.get(bit)
        if driver is None:
            return {}
        flops[pin] = driver
    return flops if _fit(nets, flops.values()) else {}


def _free(nets: _Nets, flops: Mapping[str, str]) -> bool:
    """Whether an operand's registers serve multipliers only, so that moving them saves some.

    Copies of registers that stay save nothing, and hundreds of them keep the router from converging.
    """
    for flop in flops.values():
        (q,) = nets.cells[flop]["connections"]["Q"]
        readers = {nets.cells[reader]["type"] for reader, _ in nets.readers[q]}
        if q in nets.outside or readers != {"MULT18X18D"}:
            return False
    return True


def _product(nets: _Nets, cell: Cell) -> dict[str, str]:
    """Give the flip-flop that takes each pin of the product that is in use; none if they don't fit."""
    flops: dict[str, str] = {}
    for index in range(_WIDTH["P"]):
        for bit in cell["connections"].get(f"P{index}", ()):
            readers = nets.readers[bit]
            if not readers and bit not in nets.outside:
                continue
            if bit in nets.outside or len(readers) != 1 or readers[0][1] != "DI":
                return {}
            flops[f"P{index}"] = readers[0][0]
    return flops if _fit(nets, flops.values()) else {}


def _fit(nets: _Nets, names: Collection[str]) -> bool:
    """Whether these are plain flip-flops, without reset, under one clock and enable."""
    cells = [nets.cells[name] for name in names]
    if not cells or any(cell["type"] != "TRELLIS_FF" for cell in cells):
        return False
    return all(_plain(cell) for cell in cells) and len({_control(cell) for cell in cells}) == 1


def _plain(cell: Cell) -> bool:
    kept = "keep" in cell["attributes"]
    if kept or any(_parameter(cell, name) not in allowed for name, allowed in _PLAIN.items()):
        return False
    unused: tuple[Sequence[Bit], ...] = ([], ["0"], ["x"])
    return cell["connections"].get("LSR", []) in unused and "M" not in cell["connections"]


def _parameter(cell: Cell, name: str) -> str:
    """Give a flip-flop's parameter; Yosys puts a space after a text that looks like a number."""
    value: str = cell["parameters"].get(name, _PLAIN[name][0])
    return value.rstrip()


def _control(cell: Cell) -> tuple[Bit, Bit]:
    """Give clock and enable of a flip-flop."""
    pins: Mapping[str, list[Bit]] = cell["connections"]
    always = _parameter(cell, "CEMUX") == "1" or not pins.get("CE")
    return pins["CLK"][0], "1" if always else pins["CE"][0]


def _move_operand(nets: _Nets, name: str, flops: Mapping[str, str]) -> None:
    for pin, flop in flops.items():
        pins = nets.cells[flop]["connections"]
        (d,), (q,) = pins["DI"], pins["Q"]
        nets.cells[name]["connections"][pin] = [d]
        nets.readers[d].append((name, pin))
        nets.readers[q].remove((name, pin))
    for flop in set(flops.values()):
        (q,) = nets.cells[flop]["connections"]["Q"]
        if not nets.readers[q] and q not in nets.outside:
            nets.drop(flop)


def _move_product(nets: _Nets, name: str, flops: Mapping[str, str]) -> None:
    for pin, flop in flops.items():
        q = nets.cells[flop]["connections"]["Q"]
        nets.cells[name]["connections"][pin] = list(q)
        nets.drivers[q[0]] = name
        nets.drop(flop)


def _connect(cell: Cell, controls: Mapping[str, tuple[Bit, Bit]]) -> None:
    """Name the clock and the enables; equal enables share a pin, and none stays open: it would never enable."""
    enables: list[Bit] = []
    pins: dict[str, Bit] = {"RST0": "0"}
    cell["parameters"]["GSR"] = "DISABLED"  # as for flip-flops
    for side, (clock, enable) in controls.items():
        if enable not in enables:
            enables.append(enable)
        index = enables.index(enable)
        register = _REGISTER[side]
        cell["parameters"] |= {f"{register}_CLK": "CLK0", f"{register}_CE": f"CE{index}", f"{register}_RST": "RST0"}
        pins |= {"CLK0": clock, f"CE{index}": enable}
    for pin, bit in pins.items():
        cell["connections"][pin] = [bit]
        cell["port_directions"][pin] = "input"


__all__ = ["absorb_registers"]
